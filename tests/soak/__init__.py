"""The soak: a server with all that mod_python has, visitors who know each answer, and whatever may go wrong, for as long as wanted.

`site` and `htdocs` are the server, `questions` what `visitor`s ask it, `strangers` clients that behave badly, `weather` what
befalls the server's processes and disks, `cramped` one that runs out of memory, `log` reads the error log, `crash` tells whose
one is, `growth` weighs processes, `ledger` keeps what was right, what was excused and what should not be, and `soak` is a run of
all of them. `flat` asks one question after the other instead, and weighs what each leaves behind.
`python3 -m soak` runs it, with what `plan` reads from the environment; `plain` is an httpd without mod_python, to compare.
"""
