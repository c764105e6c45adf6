"""The update of HAPPO and MAPPO once more: plain, slow, with autograd, torch.distributions and torch.optim."""

import torch
from torch import distributions, nn


class Actor(nn.Module):
    """One Beta actor with the weights of a copy of a stack."""

    def __init__(self, stack, copy, rate):
        super().__init__()
        count = len(stack.network.hidden)
        names = [f"hidden{k}" for k in range(count)] + ["output"]
        self.weights = nn.ParameterList([stack.weights[f"{n}.weight"][copy].clone() for n in names])
        self.biases = nn.ParameterList([stack.weights[f"{n}.bias"][copy, 0].clone() for n in names])
        self.optimiser = torch.optim.Adam(self.parameters(), lr=rate)

    def distribution(self, x):
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            x = torch.tanh(x) if k < len(self.weights) - 1 else x
        a, b = (1.0 + nn.functional.softplus(x)).chunk(2, dim=-1)
        return distributions.Beta(a, b)

    def log_prob(self, x, action, counts):
        """Log-probability (rows,) and entropy (rows,) of entries that count."""
        found = self.distribution(x)
        inside = action.clamp(1e-6, 1.0 - 1e-6)
        return (found.log_prob(inside) * counts).sum(-1), (found.entropy() * counts).sum(-1)


def update(actors, acts, advantage, orders, *, clip, entropy, max_norm, sequential):
    """Epoch after epoch, agent after agent; ``acts`` (x, action, counts) of each agent, ``advantage`` (R,)."""
    with torch.no_grad():
        old = [actor.log_prob(*own)[0] for actor, own in zip(actors, acts, strict=True)]
    for order in orders:
        compounded = advantage.clone()
        for u in order:
            log_prob, spread = actors[u].log_prob(*acts[u])
            ratio = (log_prob - old[u]).exp()
            least = torch.min(ratio * compounded, ratio.clamp(1.0 - clip, 1.0 + clip) * compounded)
            actors[u].optimiser.zero_grad()
            (-(least.mean() + entropy * spread.mean())).backward()
            nn.utils.clip_grad_norm_(actors[u].parameters(), max_norm)
            actors[u].optimiser.step()
            if sequential:
                with torch.no_grad():
                    compounded = compounded * (actors[u].log_prob(*acts[u])[0] - old[u]).exp()
