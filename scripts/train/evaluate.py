"""Held-out loss with and without an adapter: `python evaluate.py ADAPTER_DIR [--float32] [--json OUT]`.

Up to 12 passages of 256 tokens from each of the 20 held-out speeches, mean loss in nats a token, the relative drop and its
95 % bootstrap interval by speech. bf16 autocast unless --float32, the same before and after. Needs MODEL and SPEECHES.
"""
import argparse
import json

import numpy as np
import torch
from backbone import linear_weights_to_bf16, load_backbone, load_tokenizer
from corpus import digest, held_out_passages, speeches, split
from losses import drop_by_speech, passage_losses
from peft import PeftModel


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("adapter")
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="only every n-th passage, for a quick look")
    parser.add_argument("--json")
    args = parser.parse_args()
    everything = speeches()
    _, held = split(everything)
    tokenizer = load_tokenizer()
    passages = held_out_passages(held, lambda t: tokenizer.encode(t).ids)[:: args.every]
    model = load_backbone()
    if not args.float32:
        model = linear_weights_to_bf16(model)
    before = passage_losses(model, passages, not args.float32)
    model = PeftModel.from_pretrained(model, args.adapter).eval()
    after = passage_losses(model, passages, not args.float32)
    documents = [d for d, _ in passages]
    result = dict(precision="float32" if args.float32 else "bf16 autocast", torch=torch.__version__.split("+")[0], corpus=digest(everything), **drop_by_speech(documents, before, after))
    print(json.dumps(result, indent=1))
    if args.json:
        by_file = {s["document"]: s for s in held}
        result["by_speech"] = [
            dict(
                file=by_file[d]["file"], passages=documents.count(d),
                before=round(float(np.mean([b for x, b in zip(documents, before) if x == d])), 4),
                after=round(float(np.mean([a for x, a in zip(documents, after) if x == d])), 4),
            )
            for d in sorted(set(documents))
        ]
        json.dump(result, open(args.json, "w"), indent=1)


main()
