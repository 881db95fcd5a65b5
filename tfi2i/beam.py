"""The same as `tfi2i translate`, on Apache Beam: pictures on any file system that Beam knows, on any of its runners.

    pip install 'tfi2i[beam]'        # gs:// and Dataflow: also 'apache-beam[gcp]'
    python -m tfi2i.beam --source=RUN_OR_EXPORT --input='gs://bucket/photos/**.jpg' --output=gs://bucket/out \
        --runner=DataflowRunner --project=... --region=...

What isn't an option of this module is passed on to Beam. Names, bytes and what is skipped are those of `tfi2i
translate`; failed pictures are listed in OUTPUT/failed.csv, and the exit status is 1 where there are any. A source on
another file system is copied to each worker; one on a local disk must be there on every worker.
"""

import argparse
import csv
import io
import os
import posixpath
import shutil
import sys
import tempfile
import threading
import uuid
import weakref
from glob import has_magic
from pathlib import Path

import apache_beam as beam
from apache_beam.io import fileio
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from apache_beam.utils.shared import Shared

from tfi2i.cli import status_of
from tfi2i.cli.translate import add_options, options_of
from tfi2i.data import images
from tfi2i.data.collection import MANIFEST_COLUMNS, fixed_part
from tfi2i.errors import UserError

COUNTERS = ("done", "skipped", "failed")
# Object stores, where a file appears when it is whole, and a rename would be a copy.
_WHOLE_OR_NOT_AT_ALL = ("gs", "s3", "azfs")


class Translate(beam.DoFn):
    """Paths of pictures -> their results, written below `output`; (path, reason) of those that fail, tagged "failed".

    Args:
        source: a run, or an artefact that `tfi2i export` wrote.
        root: the folder that the pictures' names are relative to.
        output: where the results go, under these names.
        overwrite: translate again what exists.
        options: of `tfi2i.translation.Translation`.
    """

    def __init__(self, source, root, output, overwrite=False, **options):
        self.source, self.root, self.output, self.overwrite, self.options = source, root, output, overwrite, options
        self._shared = Shared()  # one network a process, however many threads Beam starts
        self._counters = {name: Metrics.counter("tfi2i", name) for name in COUNTERS}

    def setup(self):
        self._opened = self._shared.acquire(lambda: _Opened(self.source, self.options))

    def process(self, path):
        translation, name = self._opened.translation, path.removeprefix(self.root).lstrip("/")
        places = {result: f"{self.output}/{result}" for result in translation.names(name)}
        if not self.overwrite and all(FileSystems.exists(place) for place in places.values()):
            self._counters["skipped"].inc()
            return
        try:
            with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                content = file.read()
            with self._opened.lock:
                results = list(translation(images.read_picture(path, content), name))
        except (OSError, *translation.failures()) as error:
            from tfi2i.translation import reason_of

            self._counters["failed"].inc()
            yield beam.pvalue.TaggedOutput("failed", (path, reason_of(error)))
            return
        for result, content in results:
            replace(places[result], content)
        self._counters["done"].inc()
        yield name


class _Opened:
    """What a process' threads share. Neither LiteRT's interpreter nor all of TensorFlow may run in two of them."""

    def __init__(self, source, options):
        from tfi2i.translation import Translation  # TensorFlow is the workers' to import

        if "://" in source:
            folder = tempfile.mkdtemp(prefix="tfi2i-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            source = fetched(source, folder)
        self.translation, self.lock = Translation(source, **options), threading.Lock()


def translate(pipeline, source, pictures, output, overwrite=False, **options):
    """Adds the translation of the pictures of a pattern to a pipeline, with the manifest of those that failed.

    Returns: the names of those that were done.
    """
    pattern, output = pattern_of(pictures), absolute(output)
    work = Translate(absolute(source), fixed_part(pattern), output, overwrite, **options)
    found = (
        pipeline
        | "pattern" >> beam.Create([pattern])
        | "match" >> fileio.MatchAll()
        | "path" >> beam.Map(lambda match: match.path)
        | "pictures" >> beam.Filter(lambda path: images.is_image_name(path))
        | "to all workers" >> beam.Reshuffle()
        | "translate" >> beam.ParDo(work).with_outputs("failed", main="done")
    )
    manifest = {"header": csv_line(MANIFEST_COLUMNS), "num_shards": 1, "shard_name_template": ""}
    found.failed | "row" >> beam.Map(csv_line) | beam.io.WriteToText(f"{output}/failed", ".csv", **manifest)
    return found.done


def pattern_of(pictures):
    """A folder as the pattern of what lies in it. Raises `UserError` where there is no picture."""
    pictures = absolute(pictures)
    if not has_magic(pictures) and not images.is_image_name(pictures):
        pictures += "/*"
    (found,) = FileSystems.match([pictures], limits=[1])
    if not found.metadata_list:
        raise UserError(f"{pictures}: no files here (expected a file, folder or pattern of pictures)")
    return pictures


def absolute(path):
    """A path that means the same on every worker."""
    return str(path).rstrip("/") if "://" in str(path) else os.path.abspath(path)


def fetched(source, folder):
    """The path of a copy, in a local folder, of a run or an export on another file system."""
    parent = source.rpartition("/")[0]
    below, itself = FileSystems.match([f"{source}/**", source])
    for file in below.metadata_list or itself.metadata_list:
        place = Path(folder, posixpath.relpath(file.path, parent))
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileSystems.open(file.path, compression_type=CompressionTypes.UNCOMPRESSED) as content:
            place.write_bytes(content.read())
    return str(Path(folder, posixpath.basename(source)))


def replace(place, content):
    """Writes a file as a whole or not at all."""
    at_once = FileSystems.get_scheme(place) in _WHOLE_OR_NOT_AT_ALL
    aside = place if at_once else f"{place.rpartition('/')[0]}/.{uuid.uuid4().hex}.tmp"
    with FileSystems.create(aside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.write(content)
    if not at_once:
        FileSystems.rename([aside], [place])


def csv_line(row):
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()


def run(argv):
    """Parses the options, runs the pipeline, prints its counters. Returns the exit status."""
    parser = argparse.ArgumentParser("python -m tfi2i.beam", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--source", required=True, metavar="RUN", help="a run, or an artefact of `tfi2i export`")
    parser.add_argument("--input", required=True, metavar="IN", help="a file, a folder or a glob pattern")
    parser.add_argument("--output", required=True, metavar="OUT", help="folder for the results")
    add_options(parser)
    args, of_beam = parser.parse_known_args(argv)
    options = PipelineOptions(of_beam)
    options.view_as(SetupOptions).save_main_session = False
    pipeline = beam.Pipeline(options=options)
    translate(pipeline, args.source, args.input, args.output, args.overwrite, **options_of(args))
    result = pipeline.run()
    result.wait_until_finish()
    counted = {metric.key.metric.name: metric.result for metric in result.metrics().query(MetricsFilter())["counters"]}
    done, skipped, failed = (counted.get(name, 0) for name in COUNTERS)
    if failed:
        print(f"tfi2i: failed: {failed} pictures, listed in {args.output}/failed.csv", file=sys.stderr)
    print(f"{done} done, {skipped} skipped, {failed} failed: {args.output}")
    return 1 if failed else 0


def main():
    return status_of(lambda: run(sys.argv[1:]), os.environ.get("TFI2I_DEBUG") == "1")


if __name__ == "__main__":
    from tfi2i.beam import main as imported  # Beam would send the classes of __main__ by value

    sys.exit(imported())
