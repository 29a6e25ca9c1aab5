"""Certificates by trying everything: every place of a patch, every vote of the copies it meets."""

from itertools import product

import numpy as np


def kept_pixels(ablation):
    """Sets of (row, column) that each copy keeps, from the words of the definition."""
    height, width = ablation.image
    everywhere = [(r, c) for r in range(height) for c in range(width)]

    def starts(length):
        last = length if ablation.wrap else length - ablation.size + 1
        return range(0, last, ablation.stride)

    def inside(start, length):
        return {(start + j) % length for j in range(ablation.size)}

    def columns():
        return [{p for p in everywhere if p[1] in inside(i, width)} for i in starts(width)]

    def rows():
        return [{p for p in everywhere if p[0] in inside(i, height)} for i in starts(height)]

    if ablation.mode == "column":
        return columns()
    if ablation.mode == "row":
        return rows()
    if ablation.mode == "both":
        return columns() + rows()
    return [
        {p for p in everywhere if p[0] in inside(a, height) and p[1] in inside(b, width)}
        for a in starts(height)
        for b in starts(width)
    ]


def touched_copies(ablation, patch):
    """For every place of the patch, the copies that keep a pixel of it."""
    kept = kept_pixels(ablation)
    places = []
    for top in range(ablation.image[0] - patch[0] + 1):
        for left in range(ablation.image[1] - patch[1] + 1):
            pixels = {(top + a, left + b) for a in range(patch[0]) for b in range(patch[1])}
            places.append([i for i, band in enumerate(kept) if band & pixels])
    return places


def first_argmax(counts):
    best = 0
    for k, count in enumerate(counts):
        if count > counts[best]:
            best = k
    return best


def never_changes(votes, places, *, is_top_one):
    """Whether no vote of the copies at any place changes the prediction; and how many were tried.

    ``votes`` are booleans (n, K). Under top-one every copy has exactly one vote.
    """
    classes = votes.shape[1]
    if is_top_one:
        choices = np.eye(classes, dtype=np.int64)
    else:
        choices = np.array(list(product((0, 1), repeat=classes)), dtype=np.int64)
    prediction = first_argmax(votes.sum(0))
    tried, holds = 0, True
    for place in places:
        outside = np.delete(votes, place, axis=0).sum(0)
        totals = np.zeros((1, classes), np.int64)
        for _ in place:
            totals = (totals[:, None] + choices).reshape(-1, classes)
        tried += len(totals)
        counts = totals + outside
        later = np.array(
            [counts[:, k] > counts[:, prediction] for k in range(prediction + 1, classes)]
        )
        earlier = np.array([counts[:, k] >= counts[:, prediction] for k in range(prediction)])
        holds &= not later.any() and not earlier.any()
    return holds, tried


def plainly_certified(votes, places, rule):
    """The rules of the specification in plain loops, for one image."""
    counts = [int(v) for v in votes.sum(0)]
    t = first_argmax(counts)
    reach = max(map(len, places))
    for k in range(len(counts)):
        if k == t:
            continue
        if rule == "count":
            if counts[t] < counts[k] + (k < t) + 2 * reach:
                return False
            continue
        for place in places:
            inside_t, inside_k = (sum(int(votes[i, c]) for i in place) for c in (t, k))
            if counts[t] - inside_t < counts[k] - inside_k + len(place) + (k < t):
                return False
    return True
