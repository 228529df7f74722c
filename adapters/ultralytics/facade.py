"""``attach`` and ``detach`` for YOLO and RT-DETR of ultralytics: all tasks, and exported files too."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast

from ultralytics import RTDETR, YOLO, YOLOE, YOLOWorld
from ultralytics.engine.model import Model
from ultralytics.nn.backends.base import BaseBackend
from ultralytics.nn.tasks import BaseModel
from ultralytics.utils import LOGGER

from ...errors import ScotopicError
from ...pipeline.stage import EnhancementStage
from ...pipeline.user_file import holds_user_class
from ..enhancer_record import METADATA_KEY
from .data import SourceTrainer, SourceValidator
from .graph import EnhancedModel, GraphTrainer, StageInGraph, put_in_graph, take_out_of_graph
from .predict import GraphPredictor, SourcePredictor
from .setup import import_ultralytics

import_ultralytics()

_ROLES: dict[str, dict[str, type]] = {
    "graph": {"predictor": GraphPredictor, "trainer": GraphTrainer},
    "source": {"predictor": SourcePredictor, "trainer": SourceTrainer, "validator": SourceValidator},
}


@dataclass
class Attachment:
    """What stands in front of a model, and the classes made for it."""

    stage: EnhancementStage
    where: str
    keep_enhanced: bool
    classes: dict[type, type] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "classes": {}}  # made at run time, and made again when needed

    def class_for(self, role: str, plain: type, enhancement: StageInGraph | None) -> type:
        """The predictor, trainer or validator that does what ``plain`` does, with the enhancer."""
        mixin = _ROLES[self.where].get(role)
        if mixin is None or issubclass(plain, mixin):
            return plain
        if plain not in self.classes:
            state = {"stage": self.stage, "keep_enhanced": self.keep_enhanced}
            self.classes[plain] = type(f"Enhanced{plain.__name__}", (mixin, plain), state)
        if role == "trainer" and enhancement is not None:  # as it is by now: an earlier run may have trained it
            cast(Any, self.classes[plain]).enhancement = enhancement
        return self.classes[plain]


class EnhancedFacade(Model):
    """A YOLO or RTDETR object with an attachment: it hands out classes that know the enhancer."""

    attachment: Attachment
    plain_class: ClassVar[type[Model]]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # As "the plain class, attached": the subclass is made at run time. A predictor comes again when it is needed.
        return _blank_facade, (self.plain_class,), {**self.__dict__, "predictor": None}

    def _smart_load(self, key: str) -> Any:
        return self._enhanced(key, super()._smart_load(key))

    def _enhanced(self, role: str, plain: Any) -> Any:
        if not isinstance(plain, type):
            return plain
        return self.attachment.class_for(role, plain, getattr(self.model, "enhancement", None))

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        given = {key: self._enhanced("predictor", value) for key, value in kwargs.items()}
        return super().predict(*(self._enhanced("predictor", value) for value in args), **given)

    def val(self, validator: Any = None, **kwargs: Any) -> Any:
        return super().val(self._enhanced("validator", validator), **kwargs)

    def train(self, trainer: Any = None, **kwargs: Any) -> Any:
        self._check_picklable()
        metrics = super().train(self._enhanced("trainer", trainer) or self._smart_load("trainer"), **kwargs)
        if self.attachment.where == "source":
            LOGGER.warning(f"{self.overrides['model']} holds no enhancer: attach the same one whenever it is used.")
        return metrics

    def save(self, filename: str | Path = "saved_model.pt") -> None:
        self._check_picklable()
        super().save(filename)

    def export(self, **kwargs: Any) -> str:
        """Exports the network; an enhancer in its graph is exported with it, and named in the file's metadata."""
        if self.attachment.where == "source":
            LOGGER.warning("the exported file holds no enhancer: attach the same one to it, with where='source'.")
            return super().export(**kwargs)

        def note(exporter: Any) -> None:
            exporter.metadata[METADATA_KEY] = cast(Any, self.model).enhancement.stage.enhancer.info.name

        self.callbacks["on_export_start"].append(note)
        try:
            return super().export(**kwargs)
        finally:
            self.callbacks["on_export_start"].remove(note)

    def reset_weights(self) -> Model:
        """Resets the network, not the enhancer."""
        enhancement = take_out_of_graph(self.model)
        try:
            return super().reset_weights()
        finally:
            if enhancement is not None:
                put_in_graph(self.model, enhancement)

    def tune(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_in_source("tune")
        return super().tune(*args, **kwargs)

    def benchmark(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_in_source("benchmark")
        return super().benchmark(*args, **kwargs)

    def _check_picklable(self) -> None:
        """Better now than after a hundred epochs."""
        enhancement = cast("StageInGraph | None", getattr(self.model, "enhancement", None))
        if enhancement is None:
            return
        problem = None
        if holds_user_class(enhancement):
            problem = "it comes from a file given by its path"
        else:
            try:
                pickle.dumps(enhancement)
            except Exception as error:
                problem = str(error)
        if problem:
            name = type(enhancement.stage.enhancer).__name__
            raise ScotopicError(
                f"the enhancer {name} cannot be saved with the model ({problem}): "
                "import its class from a module on Python's path, and attach an instance of it"
            )

    def _refuse_in_source(self, verb: str) -> None:
        if self.attachment.where == "source":
            raise ScotopicError(f'{verb}() works on files, which hold no enhancer here: attach with where="graph"')


def attach(
    model: Any, stage: EnhancementStage, where: str, *, keep_enhanced: bool = False, train_enhancer: bool = False
) -> Model:
    """See :func:`scotopic.attach`.

    >>> model = attach(YOLO("yolo11n.yaml"), EnhancementStage("gamma"), "graph")
    >>> isinstance(model, YOLO), detach(model) is model, type(model) is YOLO
    (True, True, True)
    """
    if not isinstance(model, (YOLO, RTDETR, YOLOWorld, YOLOE)):
        raise ScotopicError(f"cannot attach to {type(model).__name__}: give the YOLO or RTDETR object")
    network: Any = model.model
    channels = cast(Any, network).yaml.get("channels", 3) if isinstance(network, BaseModel) else 3
    if channels != 3:
        raise ScotopicError(f"an enhancer works on RGB, but this model takes {channels} channels")
    if where == "graph" and not isinstance(network, BaseModel):
        raise ScotopicError(
            f'{network} is exported, so nothing can be put into its graph: use where="source" (--where source)'
        )
    if where == "graph" and _is_normalised(network):
        raise ScotopicError('this classifier takes pictures with mean and deviation removed: use where="source"')
    if not isinstance(network, BaseModel) and (held := enhancer_inside(network)):
        raise ScotopicError(f"{network} was exported with the enhancer {held!r} in its graph: use it as it is")
    detach(model)
    if where == "graph":
        put_in_graph(network, StageInGraph(stage, train_enhancer))
    return _as_facade(model, Attachment(stage, where, keep_enhanced))


def detach(model: Any) -> Model:
    """See :func:`scotopic.detach`."""
    if isinstance(model, Model):
        take_out_of_graph(model.model)
        model.predictor = None  # it holds a copy of the network as it was
    if isinstance(model, EnhancedFacade):
        del model.__dict__["attachment"]
        cast(Any, model).__class__ = model.plain_class
    return model


def _is_normalised(network: Any) -> bool:
    """Whether the input of a classifier is no longer in [0, 1]; ultralytics' own default changes nothing."""
    steps = getattr(getattr(network, "transforms", None), "transforms", ())
    found = [step for step in steps if type(step).__name__ == "Normalize"]
    return any(any(float(m) != 0 for m in step.mean) or any(float(d) != 1 for d in step.std) for step in found)


def enhancer_inside(network: Any) -> str | None:
    """The name of the enhancer in the graph of a task model or of an exported file; None if there is none."""
    if isinstance(network, EnhancedModel):
        return network.enhancement.stage.enhancer.info.name
    return BaseBackend.read_metadata(network).get(METADATA_KEY) if isinstance(network, (str, Path)) else None


def _as_facade(model: Any, attachment: Attachment) -> EnhancedFacade:
    model.__class__ = _facade_class(type(model))
    model.__dict__["attachment"] = attachment
    return model


@cache
def _facade_class(plain: type[Model]) -> type[EnhancedFacade]:
    return type(f"Enhanced{plain.__name__}", (EnhancedFacade, plain), {"plain_class": plain})


def _blank_facade(plain: type[Model]) -> EnhancedFacade:
    cls = _facade_class(plain)
    return cls.__new__(cls)
