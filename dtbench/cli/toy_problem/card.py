"""The problem in words: what `dtbench show` says. A change here makes no record stale."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="Users ask, and servers answer: each slot decides which server serves which user. Fast servers are wanted "
    "by everybody, and take only so many.",
    objective="the delays of users, added up",
    constraints={
        "capacity": Constraint("users above what servers take"),
        "range": Constraint("users whose server does not exist"),
    },
)
