"""Baselines: predictors that only count what comes how often in the training pieces.

Each is scored on held-out pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.scores import Baseline

Pieces = Sequence[NDArray[np.integer]]


def baselines(train: Pieces, held_out: Pieces, vocabulary: int, start: int) -> dict[str, Baseline]:
    """The baselines by name: `unigram`, `repeat-last`, and for tokens `5-gram`.

    Pieces are as Codec.to_inputs gives them: token ids [n], or bool vectors [n, keys].
    """
    if train[0].ndim == 2:
        return {
            "unigram": independent_keys(train, held_out),
            "repeat-last": markov_keys(train, held_out),
        }
    return {
        "unigram": unigram(train, held_out, vocabulary),
        "repeat-last": repeat_last(train, held_out, vocabulary, start),
        "5-gram": n_gram(train, held_out, vocabulary, start, 5),
    }


def _unigram(train: Pieces, vocabulary: int) -> NDArray[np.float64]:
    """Frequencies with one added to each count, float64 [vocabulary]."""
    counts = sum(np.bincount(piece, minlength=vocabulary) for piece in train) + np.ones(vocabulary)
    frequencies: NDArray[np.float64] = counts / counts.sum()
    return frequencies


def unigram(train: Pieces, held_out: Pieces, vocabulary: int) -> Baseline:
    """Every token by its frequency alone."""
    p = _unigram(train, vocabulary)
    tokens = np.concatenate(held_out)
    return Baseline(float(-np.log(p[tokens]).mean()), float((tokens == p.argmax()).mean()))


def repeat_last(train: Pieces, held_out: Pieces, vocabulary: int, start: int) -> Baseline:
    """Guess that the present token is followed by what followed it the last time in this piece.

    A mixture with the unigram; its weight is the one that fits the training pieces best.
    """
    p = _unigram(train, vocabulary)

    def hits(pieces: Pieces) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        guesses = np.concatenate([_last_followers(piece, start) for piece in pieces])
        tokens = np.concatenate(list(pieces))
        return guesses == tokens, p[tokens]

    hit, chance = hits(train)
    trust = 0.5
    for _ in range(20):  # expectation maximization of the mixture's one weight
        responsibility = trust * hit / (trust * hit + (1 - trust) * chance)
        trust = float(np.clip(responsibility.mean(), 1e-6, 1 - 1e-6))
    hit, chance = hits(held_out)
    return Baseline(float(-np.log(trust * hit + (1 - trust) * chance).mean()), float(hit.mean()))


def _last_followers(piece: NDArray[np.integer], start: int) -> NDArray[np.int64]:
    """For each token, what followed its predecessor the last time; -1 where there was none."""
    before = np.concatenate([[start], piece[:-1]]).astype(np.int64)
    order = np.argsort(before, kind="stable")
    guesses = np.full(len(piece), -1, np.int64)
    again = before[order[1:]] == before[order[:-1]]
    guesses[order[1:][again]] = piece[order[:-1][again]]
    return guesses


def independent_keys(train: Pieces, held_out: Pieces) -> Baseline:
    """Every key of a vector by how often it sounds, whatever came before."""
    on = sum(piece.sum(axis=0) for piece in train)
    p = (on + 0.5) / (sum(map(len, train)) + 1)
    steps = np.concatenate(held_out)
    return _keys(np.broadcast_to(p, steps.shape), steps)


def markov_keys(train: Pieces, held_out: Pieces) -> Baseline:
    """Every key by how often it sounds after a step in which it sounds, and after one in which it
    does not."""
    chances = key_chances(train)
    steps = np.concatenate(list(held_out))
    return _keys(chances[_before(held_out).astype(int), np.arange(steps.shape[1])], steps)


def key_chances(pieces: Pieces) -> NDArray[np.float64]:
    """float64 [2, keys]: how likely a key is to sound after a step in which it does not [0], and in
    which it does [1].

    A key that is rarely heard is taken to be like all keys together.
    """
    last, now = _before(pieces), np.concatenate(list(pieces))
    rows = []
    for was in (False, True):
        on, asked = (now & (last == was)).sum(axis=0), (last == was).sum(axis=0)
        rows.append((on + (on.sum() + 0.5) / (asked.sum() + 1)) / (asked + 1))
    return np.stack(rows)


def _before(pieces: Pieces) -> NDArray[np.integer]:
    """Each step's predecessor; nothing sounds before a piece."""
    return np.concatenate([np.vstack([np.zeros_like(piece[:1]), piece[:-1]]) for piece in pieces])


def _keys(p: NDArray[np.float64], steps: NDArray[np.integer]) -> Baseline:
    """Nats per step, all keys together; accuracy of frames (Bay et al. 2009): keys rightly
    predicted, of all that sound or are predicted."""
    nats = -np.log(np.where(steps, p, 1 - p)).sum(axis=1).mean()
    guess, truth = p > 0.5, steps.astype(bool)
    return Baseline(float(nats), float((guess & truth).sum() / max((guess | truth).sum(), 1)))


def n_gram(train: Pieces, held_out: Pieces, vocabulary: int, start: int, n: int) -> Baseline:
    """Interpolated Kneser-Ney of order n (Kneser and Ney 1995; Chen and Goodman 1999), with one
    discount per order.

    The best guess is the most frequent follower of the longest context seen in training.
    """
    seen = [_grams(piece, start, n) for piece in train]
    asked = [_grams(piece, start, n) for piece in held_out]
    grams = [np.concatenate([piece[k] for piece in seen]) for k in range(n + 1)]
    queries = [np.concatenate([piece[k] for piece in asked]) for k in range(n + 1)]
    tokens, targets = np.concatenate(list(train)), np.concatenate(list(held_out))
    p = np.full(len(targets), 1 / vocabulary)
    guess = np.full(len(targets), -1, np.int64)
    for order in range(1, n + 1):
        if order < n:  # lower orders count different contexts, not occurrences
            _, where = np.unique(grams[order + 1], return_index=True)
        else:
            where = np.arange(len(tokens))
        ids, first, counts = np.unique(grams[order][where], return_index=True, return_counts=True)
        words = tokens[where][first]
        contexts = _context(grams[order][where][first], words)
        p, guess = _interpolate(ids, counts, contexts, words, queries[order], targets, p, guess)
    return Baseline(float(-np.log(p).mean()), float((guess == targets).mean()))


_MIX = np.uint64(0x9E3779B97F4A7C15)


def _grams(piece: NDArray[np.integer], start: int, n: int) -> list[NDArray[np.uint64]]:
    """Hashes of the last k tokens up to each place, for k = 0..n. The hash of a gram is
    mixed(its context) + its word + 1."""
    padded = np.concatenate([np.full(n, start), piece]).astype(np.uint64)
    rows = [np.zeros(len(piece), np.uint64)]
    for k in range(1, n + 1):
        value = np.zeros(len(piece), np.uint64)
        for back in range(k - 1, -1, -1):
            value = _mixed(value) + padded[n - back : n - back + len(piece)] + np.uint64(1)
        rows.append(value)
    return rows


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = value * _MIX
    return value ^ (value >> np.uint64(29))


def _context(gram: NDArray[np.uint64], word: NDArray[np.integer]) -> NDArray[np.uint64]:
    """The mixed hash of a gram without its last word."""
    return gram - word.astype(np.uint64) - np.uint64(1)


def _interpolate(
    ids: NDArray[np.uint64],
    counts: NDArray[np.int64],
    contexts: NDArray[np.uint64],
    words: NDArray[np.integer],
    query: NDArray[np.uint64],
    targets: NDArray[np.integer],
    lower: NDArray[np.float64],
    guess: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """One order of Kneser-Ney on top of `lower`, and the best guess where this order knows the
    context."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.5
    order = np.lexsort((counts, contexts))  # by context, the most frequent follower last
    known, begin = np.unique(contexts[order], return_index=True)
    totals = np.add.reduceat(counts[order], begin)
    kinds = np.diff(np.append(begin, len(order)))
    best = words[order][np.append(begin[1:], len(order)) - 1]
    context = _context(query, targets)
    at = np.minimum(np.searchsorted(known, context), len(known) - 1)
    familiar = known[at] == context
    spot = np.minimum(np.searchsorted(ids, query), len(ids) - 1)
    count = np.where(ids[spot] == query, counts[spot], 0)
    p = (np.maximum(count - discount, 0) + discount * kinds[at] * lower) / totals[at]
    return np.where(familiar, p, lower), np.where(familiar, best[at], guess)
