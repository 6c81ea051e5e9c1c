"""Held-out loss with and without an adapter: `python evaluate.py ADAPTER_DIR [--float32] [--json OUT]`.

Up to 12 passages of 256 tokens from each held-out document, mean loss in nats a token, the relative drop and its
95 % bootstrap interval by document. bf16 autocast unless --float32, the same before and after. Needs MODEL, CORPUS and its data (corpus.py).
"""
import argparse
import json

import numpy as np
import torch
from backbone import linear_weights_to_bf16, load_backbone, load_tokenizer
from corpus import CORPUS, digest, documents, held_out_passages, seen_share, split
from losses import drop_by_document, passage_losses
from peft import PeftModel


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("adapter")
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="only every n-th passage, for a quick look")
    parser.add_argument("--json")
    args = parser.parse_args()
    everything = documents()
    train, held = split(everything)
    tokenizer = load_tokenizer()
    passages = held_out_passages(held, lambda t: tokenizer.encode(t).ids)[:: args.every]
    model = load_backbone()
    if not args.float32:
        model = linear_weights_to_bf16(model)
    before = passage_losses(model, passages, not args.float32)
    model = PeftModel.from_pretrained(model, args.adapter).eval()
    after = passage_losses(model, passages, not args.float32)
    of = [d for d, _ in passages]
    result = dict(precision="float32" if args.float32 else "bf16 autocast", torch=torch.__version__.split("+")[0], corpus=digest(everything), **drop_by_document(of, before, after))
    print(json.dumps(result, indent=1))
    if args.json:
        # How much of a document the adapter was trained on after all, in the words of its neighbours.
        seen = None if CORPUS == "public-speech" else seen_share(train, held)
        by_file = {s["document"]: s for s in held}
        result["by_document"] = [
            dict(
                file=by_file[d]["file"], passages=of.count(d), **({} if seen is None else dict(seen=seen[by_file[d]["file"]])),
                before=round(float(np.mean([b for x, b in zip(of, before) if x == d])), 4),
                after=round(float(np.mean([a for x, a in zip(of, after) if x == d])), 4),
            )
            for d in sorted(set(of))
        ]
        json.dump(result, open(args.json, "w"), indent=1)


main()
