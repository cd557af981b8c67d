"""The article's claims and questions, section by section, each with the study that tests it and the page that shows it.

Claims that no experiment decides (what a word means, what a program does when it is read) stand in the chapter only.
"""

from __future__ import annotations

from algan_lite.studies.claims import Claim

# Ways to choose that ask D; `random_k` and `core_set` do not.
ASKING_D = (
    "top_k", "top_k of the paper", "top_k, D sees chosen", "bottom_k", "uncertain", "softmax", "softmax, reweighted",
    "importance", "latent_ascent", "LOGAN",
)  # fmt: skip
RULES_OF_BALANCE = ("two_time_scales", "gap_aware", "skip_by_accuracy", "skip_by_loss_change", "began", "pi_lambda")
BEST_RULES = ("skip_by_accuracy", "gap_aware", "pi_lambda")  # those that the longer study followed up
CONSTANT = {"baseline": "r1", "arms": BEST_RULES}  # does it matter that the weight moves?
CHOICES = {"arms": ("top_k", "softmax, reweighted"), "baseline": "plain, equal passes"}  # the second family of `reach`
CONV_PAGE = "limited_data.ipynb#the-same-question-to-convolutional-networks"
NO_DIGITS = "and this arm draws no digits"
DISTANCE = {"measure": "digit_kid", "better": "lower", "fill": 635.0, "options": {"least": 20.0}}  # of `vae`
R1_IS_NULL = "the positive control, R1, is a null"
REACHED = {"depths": "more depths", "seeds": "more seeds", "few data": "fewer data"}
FEW = ("top_k", "top_k, equal passes")
UNSEEN = {"measure": "digit_kid", "better": "lower", "sentinels": ("shapeless",), "fill": 635.0}
UNSEEN |= {"options": {"least": 20.0}}
OF_EDGES = {"arms": ("l1 + D", "D alone", "l1 + D, top_k"), "baseline": "l1", "measure": "mse", "better": "lower"}
OF_EDGES |= {"seeds": tuple(range(20, 30)), "tuning_seeds": (0, 1), "fill": None, "options": {"least": 0.002}}
OF_DATES = ("top_k", "uncertain", "softmax")
OF_DATES += tuple(f"{arm}, equal passes" for arm in OF_DATES)
BY_N = {"arms": ("50", "100", "500", "2000"), "baseline": "9000", "sentinels": ()}

CLAIMS: tuple[Claim, ...] = (
    # Section 1: three difficulties
    Claim(
        name="balance", section="1", words="A game out of balance fails: D far ahead costs modes",
        study="strong_D", arms=("30",), worse=True, page="background.ipynb#how-far-ahead",
    ),
    Claim(
        name="seeds", section="1", words="The seed alone decides: one run in ten or more fails",
        study="reach", view="reach_of_recipes", arms=("plain",), bed="seeds", worse=True, planned=False,
        changes={"arms": ("plain",), "baseline": "r1", "kind": "reaches", "options": {"value": 0.9}},
        page="claims.ipynb#the-three-difficulties",
    ),
    Claim(
        name="architecture", section="1", words="The architecture decides: one more layer in G, and most runs fail",
        study="depth", arms=("D2 G3",), worse=True, page="background.ipynb#difficulty-2-seeds-and-architecture",
    ),
    Claim(
        name="data", section="1", words="The training data decide: with 16 reals in all, fewer runs succeed",
        study="reach", view="reach_by_setting", arms=("16 reals",), worse=True, planned=False,
        changes={"measure": "success", "arms": ("16 reals",), "baseline": "D2 G2", "beds": (), "sentinels": ()},
        page="claims.ipynb#the-three-difficulties",
    ),
    Claim(
        name="few data", section="1", words="From few data a GAN generalizes badly: it copies",
        study="limited_data", view="limited_by_n", arms=("100",), worse=True, changes=BY_N,
        page="limited_data.ipynb#from-50-to-9000",
    ),
    Claim(
        name="few data, D", section="1", words="From few data D knows its reals by heart",
        study="limited_data", view="limited_by_n", arms=("100",), worse=True,
        changes=BY_N | {"measure": "auc", "better": "lower", "fill": 1.0, "options": {"least": 0.02}},
        page="limited_data.ipynb#from-50-to-9000",
    ),
    # Section 1: active learning eases them
    *(
        Claim(
            name=f"choice, {bed}", section="1", words=f"Choosing noise from a pool lets {what} succeed",
            study="reach", view="reach_of_recipes", arms=CHOICES["arms"], bed=bed, changes=CHOICES,
            page="claims.ipynb#does-a-choice-widen-the-range", caveat=R1_IS_NULL,
        )
        for bed, what in REACHED.items()
    ),
    *(
        Claim(
            name=f"in the batch, {bed}", section="1", words=f"Choosing noise in the batch lets {what} succeed",
            study="reach", view="reach_of_recipes", arms=("top_k of the paper",), bed=bed,
            page="claims.ipynb#does-a-choice-widen-the-range", caveat=R1_IS_NULL,
        )
        for bed, what in REACHED.items()
    ),
    Claim(
        name="choice, copying", section="1", words="From 100 digits, a GAN that chooses its noise copies less",
        study="limited_data", arms=FEW, page="limited_data.ipynb#what-helps-with-100-digits",
        caveat=NO_DIGITS,
    ),
    # Sections 2.1, 5.1 and 6: labels
    *(
        Claim(
            name=f"labels, {short}", section="2.1",
            words=f"Asking where the learner doubts makes labels cheaper ({short})",
            study="labeling", bed=bed, arms=("margin",), page="labeling.ipynb#does-it-pay",
        )
        for bed, short in (("logistic regression", "regression"), ("label spreading", "spreading"))
    ),
    *(
        Claim(
            name=f"G's doubt, {short}", section="5.1", words=f"Asking where G is unsure makes labels cheaper ({short})",
            study="labeling", bed=bed, arms=("residual", "g_disagreement"), page="labeling.ipynb#does-it-pay",
        )
        for bed, short in (("logistic regression", "regression"), ("label spreading", "spreading"))
    ),
    Claim(
        name="labels, GAN", section="6", words="A GAN halves the errors that 100 labels leave to its D alone",
        study="semi", arms=("SSL-GAN",), page="labeling.ipynb#a-gan-that-helps-to-classify",
        changes={
            "measure": "share", "baseline": "plain", "arms": ("SSL-GAN",), "kind": "reaches", "options": {"value": 0.5},
        },
    ),
    Claim(
        name="labels, GAN ahead", section="6", words="... and is ahead of pseudo-labels, which need no GAN",
        study="semi", arms=("pseudo-labels",), worse=True, page="labeling.ipynb#a-gan-that-helps-to-classify",
    ),
    # Sections 2.3 and 6: quality
    *(
        Claim(
            name=f"quality, {bed}", section="2.3",
            words=f"Choosing noise by D's feedback makes better fakes, on a {bed}",
            study="selection", bed=bed, arms=ASKING_D, page="noise_selection.ipynb#twelve-ways-one-budget",
        )
        for bed in ("ring", "grid")
    ),
    *(
        Claim(
            name=f"quality, {short}", section="2.3", words=f"Choosing noise makes better digits ({what})",
            study=study, arms=("top_k + R1",), changes={"arms": ("top_k + R1",), "baseline": "plain + R1"},
            page="mnist_al_gan.ipynb#against-a-plain-gan-that-was-tuned-too",
        )
        for study, short, what in (
            ("digits_long", "digits", "dense"), ("digits_conv", "digits, conv", "convolutional"),
        )
    ),
    # Section 3.2.4: lambda R
    Claim(
        name="R rescues", section="3.2.4", words="A term λR calms the game: it rescues a GAN that fails",
        study="rescue", arms=("lambda 1",), page="regularization.ipynb#the-picture-that-this-page-explains",
    ),
    Claim(
        name="R, tuned", section="3.2.4", words="... and it helps a GAN that was tuned as often without it",
        study="tuning", arms=("r1", "mode_seeking"), page="tuning.ipynb#the-verdict",
    ),
    # Section 5.2: balance
    Claim(
        name="rules, D ahead", section="5.2", words="Weights that adapt in training rescue a GAN whose D is ahead",
        study="balance_long", bed="D ahead", arms=BEST_RULES, page="balance.ipynb#rescue-and-ruin",
    ),
    Claim(
        name="rules, constant", section="5.2", words="... and rescue it better than a weight that nobody turns",
        study="balance_long", bed="D ahead", arms=BEST_RULES, changes=CONSTANT, planned=False,
        page="balance.ipynb#rescue-and-ruin",
    ),
    Claim(
        name="rules, good pair", section="5.2", words="... and improve a good pair",
        study="balance_long", bed="good pair", arms=BEST_RULES, page="balance.ipynb#rescue-and-ruin",
    ),
    *(
        Claim(
            name=f"six rules, {bed}", section="5.2", words=f"The same of six rules, in a shorter study ({bed})",
            study="balance", bed=bed, arms=RULES_OF_BALANCE, page="balance.ipynb#the-study-that-was-too-short",
        )
        for bed in ("D ahead", "good pair")
    ),
    # Sections 5.3 and 6: generalization
    Claim(
        name="folds", section="5.3", words="Folds show whether D knows its reals by heart",
        study="limited_data", view="limited_folds", arms=("held-out part",), planned=False,
        changes={
            "arms": ("held-out part",), "baseline": "guessing", "measure": "auc_held", "seeds": tuple(range(5)),
            "sentinels": (), "options": {"least": 0.02},
        },
        page="limited_data.ipynb#from-50-to-9000",
    ),
    *(
        Claim(
            name=f"{short}, {nets}", section="5.3", words=f"{words} ({told})",
            study=study, arms=arms, changes=changes, page=page,
            caveat=NO_DIGITS if (short, nets) == ("augmented", "dense") else "",
        )
        for nets, told, study, arms, page in (
            ("dense", "dense", "limited_data", ("diffaugment", "ada"), "limited_data.ipynb#what-helps-with-100-digits"),
            ("conv", "convolutional", "limited_conv", ("translation", "diffaugment", "ada"), CONV_PAGE),
        )
        for short, words, changes in (
            ("augmented", "Few data can be handled: with augmentation a GAN copies less", {}),
            ("its digits", "... and draws better digits", UNSEEN),
        )
    ),
    # Section 5.4: applications
    Claim(
        name="asked digits", section="5.4", words="Choosing noise helps a GAN that is asked for a digit",
        study="conditional", arms=("top_k", "top_k in each class"),
        page="images.ipynb#which-d-and-does-chosen-noise-help",
    ),
    *(
        Claim(
            name=f"holes, {hole}", section="5.4", words=f"Choosing noise helps to fill a hole in a digit ({hole})",
            study="inpainting", bed=hole, arms=("gan, top_k",), page="inpainting.ipynb#ten-seeds", caveat=note,
        )
        for hole, note in (("lower", "by a hair, with ten seeds"), ("center", ""))
    ),
    Claim(
        name="pairs", section="5.4", words="Asking where translators disagree makes two pairs worth more",
        study="translation", arms=("disagreement",), page="translation.ipynb#how-many-pairs-does-it-take",
    ),
    Claim(
        name="edges, D", section="5.4", words="Combined with a regression, a D helps to draw digits from their edges",
        study="translation", view="translation_of_images", arms=("l1 + D",), changes=OF_EDGES,
        caveat="two thirds of it are one seed; ridge regression is ahead of both",
        page="translation.ipynb#with-a-pair-for-every-image",
    ),
    Claim(
        name="edges, choice", section="5.4", words="... and so does a D that chooses the inputs",
        study="translation", view="translation_of_images", arms=("l1 + D, top_k",), changes=OF_EDGES,
        page="translation.ipynb#with-a-pair-for-every-image",
    ),
    Claim(
        name="dates", section="5.4", words="Choosing noise makes a GAN write more new dates",
        study="text", arms=OF_DATES, page="text.ipynb#seven-gans-and-the-same-rule-for-all",
    ),
    # Section 6: autoencoders
    *(
        Claim(
            name=f"GAN or VAE, {short}", section="6",
            words=f"In equal time a GAN makes digits more realistic than an autoencoder's ({what})",
            study="vae", arms=("vae",), worse=True, changes=changes, page="vae.ipynb#ten-seeds-two-budgets",
        )
        for short, what, changes in (
            ("distance", "nearer", DISTANCE),
            ("legible", "more often legible", {"measure": "digit_sure", "options": {"least": 0.05}}),
            ("recall", "more of them", {}),
        )
    ),
    Claim(
        name="unseen", section="6", words="From 100 digits, choosing noise brings G nearer to unseen ones",
        study="limited_data", arms=FEW, changes=UNSEEN, page="limited_data.ipynb#what-helps-with-100-digits",
    ),
)  # fmt: skip
