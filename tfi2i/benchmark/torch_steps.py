"""One optimisation step of each paper in plain PyTorch: the peers of `tfi2i benchmark train`.

Written from the papers' `train_step` here, with the same order of play, in the manner of a careful PyTorch program:
networks that a turn doesn't train are frozen while it lasts, what needs no gradient is made under `no_grad`, gradients
are set to None, Adam is PyTorch's own with its default of many tensors at a time.

Nothing here needs TensorFlow.
"""

import contextlib
import itertools
import random
from functools import partial

import torch
import torch.nn.functional as F


class Step:
    """A step of one paper: a function of the batch's tensors, (B, C, H, W), that returns {term: detached scalar}.

    Args:
        networks: {name: module in training mode}, under the names that the paper's class gives them.
        config: the fields of its Config, as attributes.
        draws: the first random numbers, arrays, in the order in which the paper's class draws them; later ones are
            PyTorch's.
        bfloat16: make forward passes and losses under torch.autocast.
    """

    def __init__(self, networks, config, draws=(), bfloat16=False):
        self.networks, self.config, self.draws = networks, config, iter(draws)
        self.autocast = partial(torch.autocast, "cpu", torch.bfloat16, enabled=bfloat16)

    def of(self, *names):
        return [self.networks[name] for name in names]

    def adam(self, names, lr, betas, weight_decay=0.0):
        lr = torch.tensor(lr, dtype=torch.float32).item()  # as Keras keeps it
        parameters = itertools.chain(*(network.parameters() for network in self.of(*names)))
        return torch.optim.Adam(list(parameters), lr, betas, weight_decay=weight_decay)

    def drawn(self, draw):
        """The next of the given numbers, or else what `draw` draws."""
        given = next(self.draws, None)
        return draw() if given is None else torch.as_tensor(given, dtype=torch.get_default_dtype())


def descend(optimizer, losses):
    """One step along the gradient of the sum of the terms."""
    optimizer.zero_grad(set_to_none=True)
    sum(losses.values()).backward()
    optimizer.step()


@contextlib.contextmanager
def frozen(*networks):
    """Without gradients with respect to these networks' weights, which are then neither computed nor stored."""
    for network in networks:
        network.requires_grad_(False)
    yield
    for network in networks:
        network.requires_grad_(True)


def detached(losses):
    return {name: loss.detach() for name, loss in losses.items()}


def exact(x):
    """`x` in float32 where autocast has made it bfloat16."""
    return x.float() if x.dtype == torch.bfloat16 else x


def lsgan(logits, target):
    logits = exact(logits)
    return F.mse_loss(logits, torch.full_like(logits, target))


def vanilla(logits, target):
    logits = exact(logits)
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


GAN_MODES = {"lsgan": lsgan, "vanilla": vanilla, "nsgan": vanilla}


def l1(x, y):
    return F.l1_loss(exact(x), exact(y))


class ImagePool:
    """The last `size` fakes, of which one time in two an earlier one answers for a new one."""

    def __init__(self, size):
        self.size, self.images = size, []

    def __call__(self, fakes):
        answers = []
        for fake in fakes.detach().split(1):
            if len(self.images) < self.size:
                self.images.append(fake)
            elif self.size and random.random() > 0.5:
                k = random.randrange(self.size)
                fake, self.images[k] = self.images[k], fake
            answers.append(fake)
        return torch.cat(answers)


class Pix2Pix(Step):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        c = self.config
        self.optimizer_G = self.adam(["G"], c.lr, (c.beta1, 0.999))
        self.optimizer_D = self.adam(["D"], c.lr, (c.beta1, 0.999))
        self.gan = GAN_MODES[c.gan_mode]

    def __call__(self, x, y):
        (G, D), gan = self.of("G", "D"), self.gan
        with self.autocast():
            fake = G(x)
            D_fake = gan(D(torch.cat([x, fake.detach()], 1)), 0.0)
            D_real = gan(D(torch.cat([x, y], 1)), 1.0)
            d_losses = {"D": 0.5 * (D_fake + D_real)}
        descend(self.optimizer_D, d_losses)

        with frozen(D), self.autocast():
            losses = {
                "G_GAN": gan(D(torch.cat([x, fake], 1)), 1.0),
                "G_L1": self.config.lambda_L1 * l1(fake, y),
            }
        descend(self.optimizer_G, losses)
        return detached(losses | d_losses | {"D_real": D_real, "D_fake": D_fake})


class CycleGAN(Step):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        c = self.config
        self.optimizer_G = self.adam(["G", "F"], c.lr, (c.beta1, 0.999))
        self.optimizer_D = self.adam(["D_X", "D_Y"], c.lr, (c.beta1, 0.999))
        self.pool_x, self.pool_y, self.gan = ImagePool(c.pool_size), ImagePool(c.pool_size), GAN_MODES[c.gan_mode]

    def __call__(self, x, y):
        G, F_, D_X, D_Y = self.of("G", "F", "D_X", "D_Y")
        gan, c = self.gan, self.config
        with frozen(D_X, D_Y), self.autocast():
            fake_y, fake_x = G(x), F_(y)
            losses = {
                "G_A": gan(D_Y(fake_y), 1.0),
                "G_B": gan(D_X(fake_x), 1.0),
                "cycle_A": c.lambda_A * l1(F_(fake_y), x),
                "cycle_B": c.lambda_B * l1(G(fake_x), y),
            }
            if c.lambda_identity:
                losses["idt_A"] = c.lambda_identity * c.lambda_B * l1(G(y), y)
                losses["idt_B"] = c.lambda_identity * c.lambda_A * l1(F_(x), x)
        descend(self.optimizer_G, losses)

        pooled_y, pooled_x = self.pool_y(fake_y), self.pool_x(fake_x)
        with self.autocast():
            d_losses = {
                "D_A": 0.5 * (gan(D_Y(y), 1.0) + gan(D_Y(pooled_y), 0.0)),
                "D_B": 0.5 * (gan(D_X(x), 1.0) + gan(D_X(pooled_x), 0.0)),
            }
        descend(self.optimizer_D, d_losses)
        return detached(losses | d_losses)


class MUNIT(Step):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        c = self.config
        names = ["E_c_A", "E_s_A", "G_A", "E_c_B", "E_s_B", "G_B"]
        self.optimizer_G = self.adam(names, c.lr, (c.beta1, c.beta2), c.weight_decay)
        self.optimizer_D = self.adam(["D_A", "D_B"], c.lr, (c.beta1, c.beta2), c.weight_decay)
        self.gan = GAN_MODES[c.gan_type]

    def judged(self, logits, target):
        """The sum over the scales of a discriminator."""
        logits = logits if isinstance(logits, tuple) else (logits,)
        return self.config.gan_w * sum(self.gan(at_scale, target) for at_scale in logits)

    def styles(self, batch):
        return [self.drawn(lambda: torch.randn(batch, self.config.style_dim)) for _ in range(2)]

    def __call__(self, x_a, x_b):
        D_A, D_B, E_c_A, E_s_A, G_A, E_c_B, E_s_B, G_B = self.of(
            "D_A", "D_B", "E_c_A", "E_s_A", "G_A", "E_c_B", "E_s_B", "G_B"
        )
        c = self.config
        s_a, s_b = self.styles(len(x_a))
        with self.autocast():
            with torch.no_grad():
                x_ba, x_ab = G_A(E_c_B(x_b), s_a), G_B(E_c_A(x_a), s_b)
            d_losses = {
                "dis_a": self.judged(D_A(x_ba), 0.0) + self.judged(D_A(x_a), 1.0),
                "dis_b": self.judged(D_B(x_ab), 0.0) + self.judged(D_B(x_b), 1.0),
            }
        descend(self.optimizer_D, d_losses)

        s_a, s_b = self.styles(len(x_a))
        with frozen(D_A, D_B), self.autocast():
            c_a, c_b = E_c_A(x_a), E_c_B(x_b)
            s_a_prime, s_b_prime = E_s_A(x_a), E_s_B(x_b)
            x_ba, x_ab = G_A(c_b, s_a), G_B(c_a, s_b)
            c_b_recon, c_a_recon = E_c_A(x_ba), E_c_B(x_ab)
            losses = {
                "gen_adv_a": self.judged(D_A(x_ba), 1.0),
                "gen_adv_b": self.judged(D_B(x_ab), 1.0),
                "gen_recon_x_a": c.recon_x_w * l1(G_A(c_a, s_a_prime), x_a),
                "gen_recon_x_b": c.recon_x_w * l1(G_B(c_b, s_b_prime), x_b),
                "gen_recon_s_a": c.recon_s_w * l1(E_s_A(x_ba), s_a),
                "gen_recon_s_b": c.recon_s_w * l1(E_s_B(x_ab), s_b),
                "gen_recon_c_a": c.recon_c_w * l1(c_a_recon, c_a),
                "gen_recon_c_b": c.recon_c_w * l1(c_b_recon, c_b),
            }
            if c.recon_x_cyc_w:
                losses["gen_cycrecon_x_a"] = c.recon_x_cyc_w * l1(G_A(c_a_recon, s_a_prime), x_a)
                losses["gen_cycrecon_x_b"] = c.recon_x_cyc_w * l1(G_B(c_b_recon, s_b_prime), x_b)
        descend(self.optimizer_G, losses)
        return detached(losses | d_losses)


class UGATIT(Step):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        c = self.config
        self.optimizer_G = self.adam(["G_AB", "G_BA"], c.lr, (0.5, 0.999), c.weight_decay)
        self.optimizer_D = self.adam(["D_GA", "D_GB", "D_LA", "D_LB"], c.lr, (0.5, 0.999), c.weight_decay)
        generators = itertools.chain(*(G.named_parameters() for G in self.of("G_AB", "G_BA")))
        self.gates = [parameter for name, parameter in generators if name.endswith("rho")]

    def __call__(self, a, b):
        G_AB, G_BA, *discriminators = self.of("G_AB", "G_BA", "D_GA", "D_GB", "D_LA", "D_LB")
        c, d_losses, losses = self.config, {}, {}
        with self.autocast():
            to_b, to_a = G_AB(a), G_BA(b)
            pairs = [(a, to_a["image"]), (b, to_b["image"])] * 2
            judges = list(zip(("GA", "GB", "LA", "LB"), discriminators, pairs, strict=True))
            for name, D, (real, fake) in judges:
                on_real, on_fake = D(real), D(fake.detach())
                for term, output in (("ad", "logits"), ("ad_cam", "cam_logit")):
                    loss = lsgan(on_real[output], 1.0) + lsgan(on_fake[output], 0.0)
                    d_losses[f"D_{term}_loss_{name}"] = c.adv_weight * loss
        descend(self.optimizer_D, d_losses)

        with frozen(*discriminators), self.autocast():
            for name, D, (_, fake) in judges:
                on_fake = D(fake)
                losses[f"G_ad_loss_{name}"] = c.adv_weight * lsgan(on_fake["logits"], 1.0)
                losses[f"G_ad_cam_loss_{name}"] = c.adv_weight * lsgan(on_fake["cam_logit"], 1.0)
            same_a, same_b = G_BA(a), G_AB(b)
            cam_a = vanilla(to_a["cam_logit"], 1.0) + vanilla(same_a["cam_logit"], 0.0)
            cam_b = vanilla(to_b["cam_logit"], 1.0) + vanilla(same_b["cam_logit"], 0.0)
            losses |= {
                "G_recon_loss_A": c.cycle_weight * l1(G_BA(to_b["image"])["image"], a),
                "G_recon_loss_B": c.cycle_weight * l1(G_AB(to_a["image"])["image"], b),
                "G_identity_loss_A": c.identity_weight * l1(same_a["image"], a),
                "G_identity_loss_B": c.identity_weight * l1(same_b["image"], b),
                "G_cam_loss_A": c.cam_weight * cam_a,
                "G_cam_loss_B": c.cam_weight * cam_b,
            }
        descend(self.optimizer_G, losses)
        with torch.no_grad():
            for rho in self.gates:
                rho.clamp_(0.0, 1.0)
        return detached(losses | d_losses)


class StarGAN(Step):
    """For one labelled set, of whose labels several may hold at a time."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        c = self.config
        self.optimizer_G = self.adam(["G"], c.g_lr, (c.beta1, c.beta2))
        self.optimizer_D = self.adam(["D"], c.d_lr, (c.beta1, c.beta2))

    def classification(self, logits, label):
        loss = F.binary_cross_entropy_with_logits(exact(logits), label, reduction="sum")
        return self.config.lambda_cls * loss / len(label)

    def gradient_penalty(self, D, real, fake):
        t = self.drawn(lambda: torch.rand(len(real), 1, 1, 1)).reshape(-1, 1, 1, 1)
        mixed = (t * real + (1 - t) * fake).requires_grad_()
        logits, _ = D(mixed)
        (slope,) = torch.autograd.grad(logits, mixed, torch.ones_like(logits), create_graph=True)
        norm = torch.sqrt(exact(slope).flatten(1).square().sum(1) + 1e-16)
        return self.config.lambda_gp * (norm - 1).square().mean()

    def __call__(self, x, label):
        (G, D), c, n = self.of("G", "D"), self.config, self.config.n_critic
        mini_batches = [(x[k::n].contiguous(memory_format=_format(x)), label[k::n]) for k in range(n)]
        of_D = []
        for image, own in mini_batches:
            target = self.drawn(lambda own=own: own[torch.randperm(len(own))])
            with self.autocast():
                with torch.no_grad():
                    fake = G(image, target)
                src, cls = D(image)
                of_D.append(
                    {
                        "D_real": -exact(src).mean(),
                        "D_fake": exact(D(fake)[0]).mean(),
                        "D_cls": self.classification(cls, own),
                        "D_gp": self.gradient_penalty(D, image, fake),
                    }
                )
            descend(self.optimizer_D, of_D[-1])

        with frozen(D), self.autocast():
            fake = G(image, target)
            src, cls = D(fake)
            losses = {
                "G_fake": -exact(src).mean(),
                "G_cls": self.classification(cls, target),
                "G_rec": c.lambda_rec * l1(G(fake, own), image),
            }
            if c.lambda_id:
                losses["G_id"] = c.lambda_id * l1(G(image, own), image)
        descend(self.optimizer_G, losses)
        means = {name: torch.stack([terms[name] for terms in of_D]).mean() for name in of_D[0]}
        return detached(losses | means)


def _format(x):
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format


class SRGAN(Step):
    """Stage "srgan"; with a content loss of VGG19 its features are the network `phi`, which is frozen."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        c = self.config
        self.optimizer_G = self.adam(["G"], c.lr, (c.beta1, 0.999))
        self.optimizer_D = self.adam(["D"], c.lr, (c.beta1, 0.999))
        if "phi" in self.networks:
            self.networks["phi"].requires_grad_(False)
        self.mean_bgr = torch.tensor([103.939, 116.779, 123.68])[:, None, None]  # of ImageNet

    def features(self, image):
        if "phi" not in self.networks:
            return image
        bgr = 127.5 * (image.flip(1) + 1.0) - self.mean_bgr
        return self.networks["phi"](bgr) / 12.75

    def __call__(self, x, y):
        (G, D), c = self.of("G", "D"), self.config
        with self.autocast():
            fake = G(x)
            d_losses = {"D_real": vanilla(D(y), 1.0), "D_fake": vanilla(D(fake.detach()), 0.0)}
        descend(self.optimizer_D, d_losses)

        with frozen(D), self.autocast():
            with torch.no_grad():
                wanted = self.features(y)
            losses = {
                "content": c.lambda_content * F.mse_loss(exact(self.features(fake)), exact(wanted)),
                "adversarial": c.lambda_adversarial * vanilla(D(fake), 1.0),
            }
        descend(self.optimizer_G, losses)
        return detached(losses | d_losses)


STEPS = {
    "pix2pix": Pix2Pix,
    "cyclegan": CycleGAN,
    "munit": MUNIT,
    "ugatit": UGATIT,
    "stargan": StarGAN,
    "srgan": SRGAN,
}
