"""The instance's certificate authority, certificates and kubeconfigs."""

import base64
from dataclasses import dataclass
from pathlib import Path

from e2e.lab.instance import NODE_NAME, Instance
from e2e.lab.shell import run

API_PORT = 6443
_DAYS = "3650"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class _Identity:
    name: str
    subject: str
    alternative_names: str = ""


def create(instance: Instance) -> None:
    """Write the keys, certificates and kubeconfigs of all components of the instance."""
    folder = instance.pki
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    request = ("openssl", "req", "-x509", *_KEY, "-days", _DAYS)
    run(*request, "-subj", "/CN=oomwarden-lab", "-keyout", "ca.key", "-out", "ca.crt", cwd=folder)
    run("openssl", "genrsa", "-out", "sa.key", "2048", cwd=folder)
    run("openssl", "rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub", cwd=folder)
    for identity in _identities(instance):
        _sign(identity, folder)
        text = kubeconfig(folder, identity.name, f"https://{instance.host_ip}:{API_PORT}")
        (folder / f"{identity.name}.kubeconfig").write_text(text, encoding="utf-8")


def _identities(instance: Instance) -> list[_Identity]:
    service = "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
    api_addresses = f"IP:{instance.host_ip},IP:10.96.0.1,IP:127.0.0.1"
    node_addresses = f"IP:{instance.node_ip},DNS:{NODE_NAME}"
    return [
        _Identity("apiserver", "/CN=kube-apiserver", f"{api_addresses},{service}"),
        _Identity("kubelet-client", "/O=system:masters/CN=apiserver-kubelet-client"),
        _Identity("controller-manager", "/CN=system:kube-controller-manager"),
        _Identity("scheduler", "/CN=system:kube-scheduler"),
        _Identity("node", f"/O=system:nodes/CN=system:node:{NODE_NAME}", node_addresses),
        _Identity("admin", "/O=system:masters/CN=admin"),
    ]


def _sign(identity: _Identity, folder: Path) -> None:
    extensions = ["extendedKeyUsage=clientAuth,serverAuth"]
    if identity.alternative_names:
        extensions.append(f"subjectAltName={identity.alternative_names}")
    run(
        *("openssl", "req", "-x509", *_KEY, "-days", _DAYS, "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-subj", identity.subject),
        *("-keyout", f"{identity.name}.key", "-out", f"{identity.name}.crt"),
        *(word for extension in extensions for word in ("-addext", extension)),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        cwd=folder,
    )


def kubeconfig(folder: Path, name: str, server: str) -> str:
    """Return a kubeconfig for an identity and the API server's URL."""

    def encoded(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    return f"""\
apiVersion: v1
kind: Config
current-context: lab
contexts:
- name: lab
  context: {{cluster: lab, user: {name}}}
clusters:
- name: lab
  cluster: {{server: "{server}", certificate-authority-data: {encoded("ca.crt")}}}
users:
- name: {name}
  user:
    client-certificate-data: {encoded(f"{name}.crt")}
    client-key-data: {encoded(f"{name}.key")}
"""
