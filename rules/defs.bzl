"""The public rules, macros and providers. Everything else under `rules/` is private."""

load("//rules/proto:descriptor_set.bzl", _proto_descriptor_set = "proto_descriptor_set")
load("//rules/proto:generate.bzl", _proto_generate = "proto_generate")
load("//rules/proto:imports.bzl", _ProtoInfo = "ProtoInfo")
load("//rules/proto:include.bzl", _proto_include_library = "proto_include_library")
load("//rules/proto:library.bzl", _proto_library = "proto_library")
load("//rules/proto:toolchain.bzl", _ProtocToolchainInfo = "ProtocToolchainInfo", _protoc_toolchain = "protoc_toolchain")
load(":artifact.bzl", _oras_artifact = "oras_artifact")
load(":info.bzl", _OrasArtifactInfo = "OrasArtifactInfo")
load(":lock.bzl", _oras_tool = "oras_tool")
load(":source.bzl", _oras_layout = "oras_layout")
load(":toolchain.bzl", _OrasToolchainInfo = "OrasToolchainInfo", _oras_toolchain = "oras_toolchain")

OrasArtifactInfo = _OrasArtifactInfo
OrasToolchainInfo = _OrasToolchainInfo
ProtoInfo = _ProtoInfo
ProtocToolchainInfo = _ProtocToolchainInfo
oras_artifact = _oras_artifact
oras_layout = _oras_layout
oras_tool = _oras_tool
oras_toolchain = _oras_toolchain
proto_descriptor_set = _proto_descriptor_set
proto_generate = _proto_generate
proto_include_library = _proto_include_library
proto_library = _proto_library
protoc_toolchain = _protoc_toolchain
