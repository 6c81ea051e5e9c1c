"""Mean next-token loss per passage, and the relative drop with a bootstrap interval by document.

Formula: drop = 1 - sum(after) / sum(before) over passages of equal length; the interval resamples whole documents.
"""
import numpy as np
import torch
import torch.nn.functional as F


def passage_losses(model, passages, autocast=False, batch=4):
    """Mean cross-entropy (nats a token) of each passage; passages are (document, ids) of equal length."""
    out = []
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        for i in range(0, len(passages), batch):
            ids = torch.tensor([p for _, p in passages[i : i + batch]])
            logits = model(input_ids=ids).logits[:, :-1].float()
            loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
            out += loss.mean(1).tolist()
    return np.array(out)


def drop_by_document(documents, before, after, rounds=10_000, seed=1):
    """{before, after, drop, low, high, documents, passages}; low and high bound the central 95 % by document."""
    names = sorted(set(documents))
    documents = np.array(documents)
    b = np.array([before[documents == n].sum() for n in names])
    a = np.array([after[documents == n].sum() for n in names])
    pick = np.random.default_rng(seed).integers(0, len(names), (rounds, len(names)))
    drops = 1 - a[pick].sum(1) / b[pick].sum(1)
    return dict(
        passages=len(documents), documents=len(names), before=float(before.mean()), after=float(after.mean()),
        drop=float(1 - a.sum() / b.sum()), low=float(np.quantile(drops, 0.025)), high=float(np.quantile(drops, 0.975)),
        worst=float((1 - a / b).min()), best=float((1 - a / b).max()),
    )
