"""The same file of people, imported twice at the same time."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

from syncproject.demo.process import ProcessError
from tests.chaos.run import witness
from tests.chaos.run.population import GROUPS, Person
from tests.chaos.run.troubles.trouble import Trouble
from users.models import User

_PEOPLE = 8


class Imports(Trouble):
    """I13: nobody is here twice, unless the first of the two had been edited when the second came: then they were not the same."""

    kind = "imports"
    pauses = (4.0, 9.0)

    def strike(self) -> None:
        people = [(person, self.stage.population.new_email()) for person in self.stage.population.newcomers(_PEOPLE)]
        file = self._written(people)
        with self.stage.gate.passing():
            both = [threading.Thread(target=self._import, args=(file,), daemon=True) for _ in range(2)]
            for each in both:
                each.start()
            for each in both:
                each.join()
        self.did("two of one file")
        for person, email in people:
            imported = User.objects.filter(phone=person.phone, email=email)
            if imported.count() > 1 and witness.born_beside(imported.values_list("uuid", flat=True)):
                self.complain("I13", f"{person.phone}, {email}: is here {imported.count()} times")

    def _written(self, people: list[tuple[Person, str]]) -> Path:
        file = self.stage.folder / f"people-{self.stage.population.edition()}.csv"
        with file.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(["name", "phone", "email", "groups"])
            for person, email in people:
                writer.writerow([person.name, person.phone, email, self.chance.choice(GROUPS)])
        return file

    def _import(self, file: Path) -> None:
        try:
            self.stage.system.stack.manage("sync", "import", str(file), SYNC_TARGETS=self._present())
        except ProcessError as failure:  # stopped half-way, as any import may be
            self.stage.tally.failed(self.kind, failure)

    def _present(self) -> str:
        return ",".join(self.stage.system.roster.present())
