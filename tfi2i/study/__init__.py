"""Studies with people: a folder of static pages that ask them, and a report of what they answered.

STUDY/
  site/       what is published, on any web host or as files: index.html, its scripts, study.js, pictures/HEX.png
  key.json    which picture is what; never published
  results/    where the participants' files are put
  report.md, report.json    what `report` made of them
"""

from tfi2i.study.report import report
from tfi2i.study.site import new

__all__ = ["new", "report"]
