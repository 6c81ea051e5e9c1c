"""Made-up questions for stage 2: a passage of a training document, a question on one of its sentences, that sentence.

Not a question-answer corpus: questions are templates filled with the rarest words of the target sentence, so the only
thing to learn is "find the sentence that the question is about and repeat it, word for word, then stop".
Invariants: passages are cut at sentences, at most 120 tokens, as src/attribution/retrieval/chunks.ts cuts them; the
prompt is that of src/chat/prompt.ts, paragraphs parted by a space. Sentences of held-out documents never appear.
"""
import math
import re
from collections import Counter

from corpus import CORPUS
from questions import templates

SYSTEM = "Quote the source."
BEGIN = "From the record:"
MAX_PASSAGE = 120
SHORT, LONG = 8, 90
WISH = 28

STOP = set(
    """a about above after again against all also am among an and any are as at be became because become been before
    being below between both but by can cannot could did do does doing done down during each either else even ever every
    few for from further had has have having he her here hers him himself his how however i if in into is it its itself
    just less let like made make many may me might mine more most much must my myself neither no nor not nothing now of
    off on once one only or other others our ours ourselves out over own part per rather said same say says shall she
    should since so some still such than that the their theirs them themselves then there therefore these they thing
    things this those though through thus to too toward two under until up upon us very was way we well were what when
    where whether which while who whom whose why will with within without would yet you your yours""".split()
)

ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Messrs|Hon|Gen|Col|Capt|Lieut|Lt|Rev|St|No|Nos|Art|Sec|vs|etc|Jr|Sr|Co|viz)|\b[A-Z])\.$")

NUMBER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)]+$")


def sentences(text):
    """Sentences with their closing marks; an abbreviation, an initial or a list's number does not end one, a paragraph does."""
    return [s for part in re.split(r"\n\s*\n", text) for s in sentences_of_paragraph(part)]


def sentences_of_paragraph(text):
    out, at = [], 0
    for m in re.finditer(r"[.?!]+[\"')\]”’]*\s+", text):
        piece = text[at : m.end()].strip()
        if ABBREVIATION.search(piece) or NUMBER.match(piece):
            continue
        if piece:
            out.append(piece)
        at = m.end()
    if text[at:].strip():
        out.append(text[at:].strip())
    return out


def words(text):
    return re.findall(r"[A-Za-z][A-Za-z'-]*[A-Za-z]|[0-9]{3,}", text)


class Examples:
    """Draws (passage, question, answer) from the training documents; `draw` is a random.Random."""

    def __init__(self, documents, tokenizer):
        self.encode = lambda t: tokenizer.encode(t).ids
        self.templates = templates(CORPUS)
        self.documents = [dict(s, sentences=sentences(s["text"])) for s in documents]
        seen, n = Counter(), 0
        for s in self.documents:
            for line in s["sentences"]:
                n += 1
                seen.update(set(w.lower() for w in words(line)))
        self.idf = {w: math.log(n / c) for w, c in seen.items()}
        self.vocabulary = [w for w, c in seen.items() if 5 <= c <= 400 and w not in STOP]

    def _phrases(self, line, draw):
        """Up to three phrases of one to three neighbouring words, rarest first with some chance."""
        found = []
        run = []
        for w in words(line) + ["the"]:
            if w.lower() in STOP or len(w) < 3:
                for size in (1, 2, 3):
                    for i in range(len(run) - size + 1):
                        part = run[i : i + size]
                        score = sum(min(self.idf.get(p.lower(), 0), 6) for p in part) / size ** 0.6
                        found.append((score + draw.random() * 3, part))
                run = []
            else:
                run.append(w)
        found.sort(key=lambda f: -f[0])
        out, used = [], set()
        for _, part in found:
            if not used & {p.lower() for p in part}:
                out.append(" ".join(p if p[0].isupper() and draw.random() < 0.7 else p.lower() for p in part))
                used |= {p.lower() for p in part}
            if len(out) == 3:
                break
        return out

    def _vary(self, phrase, draw):
        """Sometimes another ending, as a visitor would write it: nations, nation."""
        if draw.random() < 0.25:
            phrase = phrase[:-1] if phrase.endswith("s") and len(phrase) > 4 else phrase + "s"
        return phrase

    def one(self, draw):
        while True:
            document = draw.choices(self.documents, [math.sqrt(len(s["text"])) for s in self.documents])[0]
            lines = document["sentences"]
            at = draw.randrange(len(lines))
            budget = draw.choice([60, 90, MAX_PASSAGE, MAX_PASSAGE, MAX_PASSAGE])
            passage, size = [], 0
            while at + len(passage) < len(lines):
                cost = len(self.encode(" " + lines[at + len(passage)]))
                if size + cost > budget:
                    break
                passage.append(lines[at + len(passage)])
                size += cost
            if not passage or (len(passage) < 2 and draw.random() < 0.7):
                continue
            target = draw.randrange(len(passage))
            length = len(self.encode(" " + passage[target]))
            if not SHORT <= length <= LONG:
                continue
            phrases = self._phrases(passage[target], draw)
            if not phrases:
                continue
            count = min(len(phrases), draw.choice([1, 1, 1, 2, 2, 3]))
            keys = [self._vary(p, draw) for p in phrases[:count]]
            asked = {w.lower() for p in phrases[:count] for w in words(p)}
            overlap = [sum(self.idf[w] for w in {x.lower() for x in words(s)} & asked) for s in passage]
            if max(overlap) > overlap[target] + 1e-9 or overlap.index(max(overlap)) != target:
                continue
            if count == 1 and draw.random() < 0.15:
                keys.append(draw.choice(self.vocabulary))
                draw.shuffle(keys)
            template = draw.choice(self.templates[len(keys)])
            question = template.format(**dict(zip("abc", keys)), name=document["name"], year=document["year"])
            if draw.random() < 0.15:
                question = question.rstrip("?.").lower()
            answer, end = passage[target], target + 1
            while end < len(passage) and len(self.encode(" " + answer)) < WISH:
                answer, end = answer + " " + passage[end], end + 1
            return " ".join(passage), question, answer

    def prompt(self, passage, question):
        """Ids of the chat template around one passage and the question, and the begun answer."""
        parts = [f"system\n{SYSTEM}", f"user\nSource: {passage}\n\nQuestion: {question}"]
        ids = []
        for part in parts:
            ids += [1] + self.encode(part) + [2] + self.encode("\n")
        return ids + [1] + self.encode(f"assistant\n{BEGIN}")
