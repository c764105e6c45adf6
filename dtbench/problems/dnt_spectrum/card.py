"""The problem in words."""

from dtbench.about import About, Constraint

ABOUT = About(
    story="Base stations on a line use the same resource blocks, and users walk. A cloud server keeps a twin of the "
    "network: where all users are. In every slot each base station decides, block by block, to serve a user it covers, "
    "to upload where its users are, or to stay silent. Stations that use a block at once interfere. Who does not "
    "upload leaves its users to a predictor, whose error grows; so an upload pays off in later slots.",
    objective="the rates of users, minus the squared error of the twin, weighted",
    constraints={
        "one_link_per_rb": Constraint("links of a base station on a block beyond the first", equation="(8c), (8f)"),
        "coverage": Constraint("users served by a base station that does not cover them"),
        "index": Constraint("numbers of base stations or blocks that do not exist, or go without the other"),
        "upload_delay": Constraint("time of uploads above the limit, summed", "s", "(8g)"),
        "all_served": Constraint("covered users without a block; only where serve_all asks for it", equation="(16)"),
    },
    strong=("local-search", "hungarian"),
)
