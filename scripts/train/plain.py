"""Stage 1: the adapter learns the corpus as plain text. `python plain.py OUT_DIR` (resumes from OUT_DIR).

LoRA rank 8, alpha 16 on q k v o; AdamW, cosine; windows of 256 tokens from training documents only, one drawn in
proportion to the square root of its length. Writes checkpoint.pt every 25 steps and curve.json.
"""
import json
import math
import os
import random
import sys
import time

import torch
import torch.nn.functional as F
from backbone import linear_weights_to_bf16, load_backbone, load_tokenizer
from corpus import digest, documents, held_out_passages, split, training_texts
from losses import passage_losses
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

SEED, STEPS, BATCH, WINDOW, RATE, WARM = 1, int(os.environ.get("PLAIN_STEPS", "480")), 2, 256, 1.5e-3, 15
# The schedule is for PLAIN_STEPS; the committed public-speech adapter went on to stage 2 at step 400, where the rate is an eighth of the top.
UNTIL = int(os.environ.get("UNTIL", "400"))
LORA = dict(r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], bias="none", task_type="CAUSAL_LM")


def rate(step, steps=STEPS, top=RATE, warm=WARM):
    """Linear warm-up, then cosine to 5 % of the top."""
    if step < warm:
        return top * (step + 1) / warm
    return top * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm))))


def main(out):
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(SEED)
    tokenizer = load_tokenizer()
    everything = documents()
    train, held = split(everything)
    texts = training_texts(train, lambda t: tokenizer.encode(t).ids, WINDOW)
    weights = [math.sqrt(len(t)) for t in texts]
    probe = held_out_passages(held, lambda t: tokenizer.encode(t).ids, WINDOW, 1)
    model = get_peft_model(linear_weights_to_bf16(load_backbone()), LoraConfig(**LORA))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    path = os.path.join(out, "checkpoint.pt")
    start, curve = 0, []
    if os.path.exists(path):
        saved = torch.load(path)
        set_peft_model_state_dict(model, saved["adapter"])
        optimiser.load_state_dict(saved["optimiser"])
        start, curve = saved["step"], saved["curve"]
    else:
        curve.append(dict(step=0, held_out=float(passage_losses(model, probe, True).mean()), corpus=digest(everything)))
        print(curve[-1], flush=True)
    model.train()
    since, sum_loss, t0 = 0, 0.0, time.time()
    for step in range(start, UNTIL):
        draw = random.Random(SEED * 1_000_003 + step)
        rows = []
        for text in draw.choices(texts, weights, k=BATCH):
            at = draw.randrange(len(text) - WINDOW)
            rows.append(text[at : at + WINDOW])
        ids = torch.tensor(rows)
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids).logits[:, :-1]
        loss = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        since, sum_loss = since + 1, sum_loss + loss.item()
        if (step + 1) % 20 == 0 or step + 1 == UNTIL:
            entry = dict(step=step + 1, train=round(sum_loss / since, 4), seconds=round((time.time() - t0) / since, 2))
            if (step + 1) % 80 == 0 or step + 1 == UNTIL:
                model.eval()
                entry["held_out"] = float(passage_losses(model, probe, True).mean())
                model.train()
            curve.append(entry)
            since, sum_loss, t0 = 0, 0.0, time.time()
            print(entry, flush=True)
            torch.save(dict(adapter=get_peft_model_state_dict(model), optimiser=optimiser.state_dict(), step=step + 1, curve=curve), path)
            json.dump(curve, open(os.path.join(out, "curve.json"), "w"), indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
