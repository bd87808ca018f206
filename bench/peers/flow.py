"""The probability flow ODE of the VP SDE with scipy's RK45, as the reference's likelihood.py and sampling.py have it."""
import math

import numpy as np
from scipy.integrate import solve_ivp


class Flow:
    """dx/dt = -beta x / 2 - beta / 2 score, score = -network / std."""

    def __init__(self, beta_min, beta_max):
        self.beta_min, self.beta_max = beta_min, beta_max

    def factors(self, t):
        """Factors of x and of the network's output in dx/dt."""
        beta = self.beta_min + t * (self.beta_max - self.beta_min)
        log_mean = -0.25 * t**2 * (self.beta_max - self.beta_min) - 0.5 * t * self.beta_min
        return -0.5 * beta, 0.5 * beta / math.sqrt(-math.expm1(2 * log_mean))

    def log_likelihood(self, network, data, probe, eps, tolerance):
        """log p(data) in nats, [B], and the evaluations; `network(x, t)` gives output and probe-divergence."""
        batch, size = data.shape[0], data.size
        norms = np.sum(probe.reshape(batch, -1) ** 2, 1)

        def derivative(t, y):
            a, b = self.factors(t)
            out, divergence = network(y[:size].reshape(data.shape).astype(np.float32), t, probe)
            return np.concatenate([a * y[:size] + b * out.reshape(-1), a * norms + b * divergence])

        start = np.concatenate([data.reshape(-1), np.zeros(batch)]).astype(np.float64)
        result = solve_ivp(derivative, (eps, 1.0), start, rtol=tolerance, atol=tolerance, method="RK45")
        end = result.y[:, -1]
        latent = end[:size].reshape(batch, -1)
        prior = -0.5 * np.sum(latent**2, 1) - 0.5 * latent.shape[1] * math.log(2 * math.pi)
        return prior + end[size:], result.nfev

    def sample(self, network, latent, eps, tolerance):
        """Samples [B, ...] and the evaluations."""

        def derivative(t, y):
            a, b = self.factors(t)
            return a * y + b * network(y.reshape(latent.shape).astype(np.float32), t).reshape(-1)

        start = latent.reshape(-1).astype(np.float64)
        result = solve_ivp(derivative, (1.0, eps), start, rtol=tolerance, atol=tolerance, method="RK45")
        return result.y[:, -1].reshape(latent.shape), result.nfev
