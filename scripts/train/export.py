"""Writes the trained checkpoint as a PEFT folder in f16: `python export.py QUOTE_DIR OUT_DIR [PLAIN_DIR]` (with the loss curves). No path of this machine is kept."""
import json
import os
import sys

import torch
from backbone import BASE_NAME, BASE_SHA256
from plain import LORA
from safetensors.torch import save_file


def main(checkpoint, out, plain=None):
    os.makedirs(out, exist_ok=True)
    state = torch.load(os.path.join(checkpoint, "checkpoint.pt"))["adapter"]
    weights = {name: value.to(torch.float16).contiguous() for name, value in sorted(state.items())}
    assert all(torch.isfinite(w).all() for w in weights.values())
    save_file(weights, os.path.join(out, "adapter_model.safetensors"), metadata={"format": "pt"})
    config = dict(
        base_model_name_or_path=BASE_NAME, peft_type="LORA", task_type=LORA["task_type"], inference_mode=True, r=LORA["r"],
        lora_alpha=LORA["lora_alpha"], lora_dropout=0.0, target_modules=LORA["target_modules"], bias=LORA["bias"],
        fan_in_fan_out=False, init_lora_weights=True, use_rslora=False, use_dora=False, modules_to_save=None,
        rank_pattern={}, alpha_pattern={}, layers_to_transform=None, layers_pattern=None,
        # Read by src/gpu/formats/peft.ts: the one file that these weights belong to.
        open_chat=dict(base_sha256=BASE_SHA256),
    )
    json.dump(config, open(os.path.join(out, "adapter_config.json"), "w"), indent=2)
    if plain:
        curve = lambda folder: json.load(open(os.path.join(folder, "curve.json")))
        json.dump(dict(plain=curve(plain), quote=curve(checkpoint)), open(os.path.join(out, "loss-curve.json"), "w"), indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
