"""`landscape evaluate`: accuracy under attacks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from landscape.cli.options import (
    ComputeOptions,
    DataOptions,
    Files,
    LimitOptions,
    ModelOptions,
    Several,
    Unset,
    identity_of,
    refuse_none,
)
from landscape.cli.output import cell, console, say
from landscape.cli.together import together
from landscape.errors import InputError
from landscape.text import checkpoint_names

WIDE = 4  # attacks side by side on a terminal of 80 columns

if TYPE_CHECKING:
    from landscape.evaluation import Evaluation
    from landscape.evaluation.tables import Results


def evaluate(
    checkpoints: Files,
    /,
    attacks: tuple[str, ...] = ("natural", "random", "worst-of-10", "grid"),
    limits: LimitOptions = LimitOptions(),
    vote: int = 0,
    vote_attack: Literal["single", "vote"] = "single",
    transfer: bool = False,
    similarity: bool = False,
    keep_images: bool = False,
    samples: int = 0,
    seed: int = 0,
    out: Unset[Path] = None,
    tables: Several[Path] = (),
    names: Several[str] = (),
    overwrite: bool = False,
    model: ModelOptions = ModelOptions(),
    data: DataOptions = DataOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> None:
    """Accuracy of models as they are, under random poses, and under attacks.

    With --out an evaluation that was interrupted goes on where it stopped. On several GPUs or
    machines: torchrun --nproc-per-node 8 -m landscape evaluate ...

    Args:
        checkpoints: Checkpoints of `landscape train`, or weights from elsewhere (see --model).
        attacks: natural (no attack), random (one random pose), worst-of-10 (the worst of ten),
            grid (the worst of 31 x 5 x 5 poses), grid-first (the same accuracy for less work),
            grid+refine (what lies between them, too), first-order (gradient ascent on the pose),
            fgsm (one step on the pixels, to 8/255), pgd (ten steps of 2/255 from a random start),
            pgd-l2 (within a Euclidean norm of 0.5), stadv (the smoothest flow of pixels that
            changes the class), stadv-bounded (the worst flow of up to 0.8 pixels), linf (five steps
            of PGD from the image as it is); +linf behind a name attacks pose and pixels, as in
            worst-of-10+linf; +unrounded, as in pgd+unrounded, does not see a network's rounding of
            pixels, with which its images are judged. Settings follow a colon:
            grid:rotations=61,shifts=9 random:k=50 first-order:steps=50,restarts=5
            pgd:eps=4/255,restarts=5,loss=margin stadv-bounded:limit=0.075 fgsm:target=least-likely.
        limits: How far, and how, attacks and votes move images.
        vote: Let so many random poses of each attacked image vote on its class as well; 0: none.
        vote_attack: What the attacks look at when there is a vote: the single network, whose
            attacked images are then voted on, or the vote.
        transfer: Show the images made against each model to all the others as well.
        similarity: Tell how unlike the originals the attacked images are (1 - SSIM).
        keep_images: Keep the attacked images in --out, in 8 bits, e.g. for landscape train
            --attacked.
        samples: How many images, drawn at random from the split; 0 for all.
        seed: Of the random poses and of the draw of images.
        out: A folder for what each attack did to each image (HDF5), one folder per model in it.
        tables: Files to write the table to, as their endings say: .csv, .json, .tex.
        names: Of the models in the table, and of their folders in --out; by default those of their
            files or folders.
        overwrite: Start anew even if --out holds results, which stay until the new ones are whole.
        model: Which network.
        data: Which images.
        compute: Where and how.
    """
    from landscape.attacks import Vote, make_attack
    from landscape.evaluation import evaluate as evaluate_model
    from landscape.evaluation import write_table
    from landscape.evaluation.tables import check_table
    from landscape.rng import generator

    refuse_none(checkpoints, "checkpoint to evaluate")
    within, warp = limits.limits(), limits.warp()
    chosen = {name: make_attack(name, limits=within, warp=warp) for name in attacks}
    voters = Vote(vote, within, warp) if vote else None
    labels = _labels(checkpoints, names)
    if out:
        _refuse_no_folders(labels)
    for table in tables:
        check_table(table)
    files = dict(zip(labels, checkpoints, strict=True))
    results: dict[str, list[Evaluation]] = {}
    with together() as group:
        for label, path in files.items():
            loaded = model.load(path)
            others = {name: file for name, file in files.items() if transfer and name != label}
            images = data.load(loaded).subset(samples or None, generator=generator(seed, "images"))
            results[label] = evaluate_model(
                loaded.model,
                images,
                None,
                chosen,
                seed=seed,
                vote=voters,
                target="vote" if vote_attack == "vote" else "network",
                shown_to={name: model.load(file).model for name, file in others.items()},
                similarity=similarity,
                keep_images=keep_images,
                **compute.arguments(),
                out=out and out / label,
                identity=identity_of(loaded, images),
                overwrite=overwrite,
                show_progress=True,
                group=group,
            )
        if not group.leads:
            return
        _show(results, vote_attack if vote else "")
        for table in tables:
            write_table(table, results)
            say(f"written: {table}")


def _labels(checkpoints: Sequence[Path], names: Sequence[str]) -> list[str]:
    """What the models are called: by the user, or after what tells their files apart."""
    if names and len(names) != len(checkpoints):
        raise InputError(f"expected a name for each of {len(checkpoints)} models, got {len(names)}")
    labels = list(names) or checkpoint_names(checkpoints)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"several models would be called {twice[0]!r}; tell them apart by --names")
    return labels


def _refuse_no_folders(labels: Sequence[str]) -> None:
    """Refuse what names no folder of its own in --out."""
    for label in labels:
        if label in ("", ".", "..") or "/" in label or "\\" in label:
            raise InputError(
                "expected names that folders in --out can have, without slashes, got "
                f"{label!r}; give others by --names"
            )


def _show(results: "Results", voted: str) -> None:
    """The table on the terminal; many attacks run down, few run across."""
    from landscape.evaluation.tables import attack_labels, by_tested_model

    unlike = {
        (model, row.label): f"{seen.value:.5f}\n+- {1.96 * seen.standard_error:.5f}"
        for model, rows in results.items()
        for row in rows
        if (seen := row.dissimilarity) is not None and not row.tested_on
    }
    results = by_tested_model(results)
    cells = {
        (model, row.label): f"{100 * row.accuracy:.2f}\n{_percent(row.interval)}"
        for model, rows in results.items()
        for row in rows
    }
    models, attacks = list(results), attack_labels(results)
    say("accuracy in %, with its 95 % interval")
    if voted:
        aim = {"single": "the single network", "vote": "the vote, with other random poses"}[voted]
        say(f"attacks before a vote look at {aim}")
    images = {model: f"{rows[0].images}" for model, rows in results.items()}
    if len(attacks) > WIDE:
        rows = [["images", *images.values()]]
        rows += [[label, *(cells.get((m, label), "") for m in models)] for label in attacks]
        _print(["attack", *models], rows)
    else:
        rows = [[m, images[m], *(cells.get((m, label), "") for label in attacks)] for m in models]
        _print(["model", "images", *attacks], rows)
    if unlike:
        say("1 - SSIM of attacked images and originals, with its 95 % interval")
        attacks = list(dict.fromkeys(label for _, label in unlike))
        rows = [[label, *(unlike.get((m, label), "") for m in models)] for label in attacks]
        _print(["attack", *models], rows)


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(cell(column), justify="right", overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    console().print(table)


def _percent(interval: tuple[float, float]) -> str:
    return "-".join(f"{100 * end:.1f}" for end in interval)
