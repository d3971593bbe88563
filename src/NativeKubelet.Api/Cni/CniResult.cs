using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Cni;

/// <summary>What a plugin answered to ADD, of any version of the specification: before 0.3.0 there were one address per family.</summary>
public sealed record CniResult(
    string? CniVersion = null,
    ImmutableArray<CniInterface>? Interfaces = null,
    ImmutableArray<CniAddress>? Ips = null,
    [property: JsonPropertyName("ip4")] CniOldAddress? Ip4 = null,
    [property: JsonPropertyName("ip6")] CniOldAddress? Ip6 = null);

/// <param name="Sandbox">Path of the namespace; empty for an interface of the node.</param>
public sealed record CniInterface(string? Name = null, string? Mac = null, string? Sandbox = null);

/// <param name="Address">With its prefix length.</param>
/// <param name="Interface">Index into the interfaces.</param>
public sealed record CniAddress(string? Address = null, string? Gateway = null, int? Interface = null);

public sealed record CniOldAddress(string? Ip = null, string? Gateway = null);

/// <summary>What a plugin says on stdout when it fails.</summary>
public sealed record CniError(string? CniVersion = null, int Code = 0, string? Msg = null, string? Details = null);

/// <summary>One attachment in the cache directory, in the form that other programs read and write.</summary>
/// <param name="Config">The network's configuration list, base64 in the file.</param>
/// <param name="CniArgs">Pairs of name and value.</param>
public sealed record CniCacheEntry(
    string? Kind,
    string? ContainerId,
    byte[]? Config,
    string? IfName,
    string? NetworkName,
    string? Netns,
    ImmutableArray<ImmutableArray<string>>? CniArgs,
    JsonElement? CapabilityArgs,
    JsonElement? Result)
{
    public const string CurrentKind = "cniCacheV1";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(CniResult))]
[JsonSerializable(typeof(CniError))]
[JsonSerializable(typeof(CniCacheEntry))]
public sealed partial class CniJson : JsonSerializerContext;
