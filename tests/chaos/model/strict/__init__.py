"""Strict writes in the exhaustive model: one person, a record of theirs at each of two targets, one strict write.

Each target with its record, its workers and what is on its way is one `State` of `tests.chaos.model.state`, whose moves
are those of `tests.chaos.model`; what ties the two together is the strict write (`state.Whole`). Content that was asked
for and then taken back has a number of its own, and so has what is there again: a target that may have
taken the candidate has to get the old values anew.
"""
