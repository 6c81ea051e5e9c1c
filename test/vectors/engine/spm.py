# Makes sentencepiece/vocabulary.json and sentencepiece/vectors.json: a small BPE model with the settings of Llama 2's, trained by
# sentencepiece itself on this repository's own pages, and what it makes of awkward texts.
#   python spm.py ../../../docs          (sentencepiece 0.2.3, protobuf, tokenizers 0.23.3)
# sentencepiece/tokenizer.json is the same model as transformers keeps it, written by the tokenizers library, which gives the ids of
# "prefix" too. The pages of the day are the text, so a later run makes another model.
# Three readings of the one model: as trained ("prefix": a space is put before each text), without that space ("bare"), and with
# forty of its commonest pieces marked unused ("unused": merged through, then taken apart again).
import glob, io, json, os, sys
import sentencepiece as sp
import tokenizers as hf
from sentencepiece import sentencepiece_model_pb2 as pb

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sentencepiece")
lines = [line for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.md"))) for line in open(path, encoding="utf8").read().split("\n")]
indented = ["    if (a == b) {", "        return a;", "    }", "  * item", "aaaa aaaa aaa aa", "==== ---- ====", "été, naïve, Überprüfung", "日本語 日本"] * 20
out = io.BytesIO()
sp.SentencePieceTrainer.train(
    sentence_iterator=iter(lines + indented), model_writer=out, model_type="bpe", vocab_size=1200, byte_fallback=True,
    split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True,
    allow_whitespace_only_pieces=True, character_coverage=0.9999, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1,
    minloglevel=2,
)

def model(change=lambda proto: None):
    proto = pb.ModelProto()
    proto.ParseFromString(out.getvalue())
    change(proto)
    processor = sp.SentencePieceProcessor()
    processor.LoadFromSerializedProto(proto.SerializeToString())
    return proto, processor

def without_prefix(proto):
    proto.normalizer_spec.add_dummy_prefix = False

def with_unused(proto):
    pieces = [piece for piece in proto.pieces if piece.type == 1 and len(piece.piece) > 1]
    for piece in pieces[:120:3]:
        piece.type = 5

texts = [
    "", " ", "  ", "a", " a", "a ", "  a  b  ", "Hello world", "The engine runs a model.", "the the the", "aaaaaaaaaa", "aaa aaaaa aa",
    "==========", "-=-=-=-=-==--", "1234567890", "3.14159 and 2,048", "\n", "\n\n\n", "line\nline\r\nline", "\ttab\t\ttab", "if (a == b) {\n        return a;\n    }",
    "naïve café Überprüfung été", "e\u0301te\u0301", "日本語のテキスト", "中文，标点。", "Привет, мир", "ελληνικά", "שלום עולם", "مرحبا", "हिन्दी",
    "🐝🍯", "👩‍👩‍👧‍👦 family", "🇯🇵", "\u2581", "a\u2581b", "\u2581\u2581x", "\u00a0nbsp\u00a0", "\u200bzero\u200bwidth", "\ufeffbom", "\u0000nul\u0001soh", "\u007f\u0085\u2028",
    "<s>", "</s>", "<unk>", "<0x41>", "<0x0A>x", "[INST] hi [/INST]", "\U00010348\U0001F600", "\ufffd", "Ω≈ç√∫", "don't can't won't", "https://example.org/a?b=c&d=%20",
    "tokens/s × 0.97 — “quoted” …", "SHOUTING and CamelCaseWords", "x" * 70, " " * 33, "ab" * 25, "a\u0300\u0301\u0302b", "№ ½ ² ﬁ Å Ａ",
]
trained, prefix = model()
_, bare = model(without_prefix)
marked, unused = model(with_unused)
for name, processor in [("prefix", prefix), ("bare", bare)]:
    for text in texts:
        said = processor.decode(processor.encode(text))
        assert said == text.replace("\u2581", " "), (name, text, said)
json.dump(
    {
        "tokens": [piece.piece for piece in trained.pieces],
        "scores": [piece.score for piece in trained.pieces],
        "types": [piece.type for piece in trained.pieces],
        "unused": [id for id, piece in enumerate(marked.pieces) if piece.type == 5],
    },
    open(os.path.join(here, "vocabulary.json"), "w"), ensure_ascii=True, separators=(",", ":"),
)
ids = {"prefix": prefix, "bare": bare, "unused": unused}
json.dump(
    [{"text": text, **{name: processor.encode(text) for name, processor in ids.items()}} for text in texts],
    open(os.path.join(here, "vectors.json"), "w"), ensure_ascii=True, indent=None, separators=(",", ":"),
)
print(len(texts), "texts;", sum(u["prefix"] != u["unused"] for u in json.load(open(os.path.join(here, "vectors.json")))), "change with unused pieces")

vocab = {piece.piece: id for id, piece in enumerate(trained.pieces)}
ranked = sorted((piece for piece in trained.pieces if piece.type == 1), key=lambda piece: -piece.score)
merges = [(piece.piece[:at], piece.piece[at:]) for piece in ranked for at in range(1, len(piece.piece)) if piece.piece[:at] in vocab and piece.piece[at:] in vocab]
fast = hf.Tokenizer(hf.models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
fast.normalizer = hf.normalizers.Sequence([hf.normalizers.Prepend("\u2581"), hf.normalizers.Replace(" ", "\u2581")])
fast.add_special_tokens([hf.AddedToken(content, special=True, normalized=False) for content in ("<unk>", "<s>", "</s>")])
fast.post_processor = hf.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
json.dump(json.loads(fast.to_str()), open(os.path.join(here, "tokenizer.json"), "w"), ensure_ascii=True, separators=(",", ":"))
plain = [text for text in texts if text not in ("<s>", "</s>", "<unk>")]
print("the tokenizers library differs on", [text for text in plain if fast.encode(text, add_special_tokens=False).ids != prefix.encode(text)])
