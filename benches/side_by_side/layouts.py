"""The arrangements of processes and threads that httpd is measured in."""

LAYOUTS = {
    "event-1x16": """
LoadModule mpm_event_module {modules}/mod_mpm_event.so
ServerLimit 1
StartServers 1
ThreadLimit 16
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 16
MaxRequestWorkers 16
""",
    "event-2x8": """
LoadModule mpm_event_module {modules}/mod_mpm_event.so
ServerLimit 2
StartServers 2
ThreadLimit 8
ThreadsPerChild 8
MinSpareThreads 1
MaxSpareThreads 16
MaxRequestWorkers 16
""",
    "prefork-16": """
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
ServerLimit 16
StartServers 16
MinSpareServers 1
MaxSpareServers 16
MaxRequestWorkers 16
""",
}
