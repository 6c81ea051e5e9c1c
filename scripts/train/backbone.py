"""The backbone and its tokenizer in PyTorch, read from the GGUF file that the page itself runs.

Not a second model: transformers dequantises the same blocks to float32 and un-permutes q and k.
Invariants: the tokenizer splits digits one by one, as the file's `pre = smollm` says (AutoTokenizer does not).
Environment: MODEL = path of SmolLM2-135M-Instruct.Q4_1.gguf; THREADS (default 1).
"""
import os
import warnings

import torch
import transformers
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
torch.set_num_threads(int(os.environ.get("THREADS", "1")))

BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
BASE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
END = 2  # <|im_end|>


def load_backbone():
    """The model in float32, eval mode, on the CPU."""
    folder, file = os.path.split(os.environ["MODEL"])
    return transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()


def linear_weights_to_bf16(model):
    """Autocast would cast the frozen matrices on every forward pass; cast them once instead."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and "lora_" not in name:
            module.weight.data = module.weight.data.to(torch.bfloat16)
    return model


def load_tokenizer():
    fields = GGUFReader(os.environ["MODEL"]).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for i, t in enumerate(tokens) if types[i] == 3]
    )
    return tokenizer
