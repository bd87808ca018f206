"""Prints what TensorBoard finds in a folder, as JSON; not-a-number and bytes as text."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata

events = EventAccumulator(sys.argv[1], size_guidance={"images": 0, "scalars": 0, "histograms": 0}).Reload()
tags = events.Tags()


def scalar(event):
    return [event.step, event.wall_time, event.value if event.value == event.value else "nan"]


def image(event):
    return [event.step, event.width, event.height, event.encoded_image_string.hex()]


def histogram(event):
    value = event.histogram_value
    moments = [value.min, value.max, value.num, value.sum, value.sum_squares]
    return [event.step, moments, list(value.bucket_limit), list(value.bucket)]


def hparams():
    for tag, found in events.summary_metadata.items():
        if tag != metadata.SESSION_START_INFO_TAG:
            continue
        info = metadata.parse_session_start_info_plugin_data(found.plugin_data.content)
        yield {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}


def ends():
    for tag, found in events.summary_metadata.items():
        if tag == metadata.SESSION_END_INFO_TAG:
            info = metadata.parse_session_end_info_plugin_data(found.plugin_data.content)
            yield [api_pb2.Status.Name(info.status), info.end_time_secs]


def all_of(kind, read, convert):
    return {tag: [convert(event) for event in read(tag)] for tag in tags[kind]}


print(
    json.dumps(
        {
            "version": events.file_version,
            "scalars": all_of("scalars", events.Scalars, scalar),
            "images": all_of("images", events.Images, image),
            "histograms": all_of("histograms", events.Histograms, histogram),
            "hparams": list(hparams()),
            "ends": list(ends()),
        }
    )
)
