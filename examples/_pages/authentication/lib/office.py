from ipaddress import ip_address, ip_network

from mod_python import apache

NETWORKS = [ip_network("127.0.0.0/8"), ip_network("2001:db8::/32")]


def accesshandler(req):
    client = ip_address(req.useragent_ip)  # mod_remoteip sets it behind a proxy
    if any(client in network for network in NETWORKS):
        return apache.OK
    return apache.HTTP_FORBIDDEN
