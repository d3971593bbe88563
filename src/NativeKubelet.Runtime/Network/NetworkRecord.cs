using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Runtime.Network;

/// <summary>How far a sandbox' network has come. What is found in Adding after a crash is taken down.</summary>
public enum NetworkState { Adding, Ready, Deleting }

/// <summary>
/// Everything that is needed to take a sandbox' network down again, even when its namespace, the configuration and the
/// plugins are gone. In DATA, as plugins keep things across a reboot that only their DEL gives back.
/// </summary>
/// <param name="Cni">Null where the built-in bridge made it.</param>
/// <param name="HostInterface">The node's end of the pod's cable; empty with CNI.</param>
/// <param name="BootId">Of another boot: namespace and interfaces are gone already.</param>
public sealed record NetworkRecord(
    int Version,
    string SandboxId,
    NetworkState State,
    string BootId,
    string NamespacePath,
    string PodNamespace,
    string PodName,
    string PodUid,
    ImmutableArray<string> Ips,
    string HostInterface,
    ImmutableArray<PortMapping> Ports,
    CniAttachment? Cni)
{
    public const int CurrentVersion = 1;

    public static NetworkRecord Of(NetworkAttachment attachment, string bootId) => new(
        CurrentVersion, attachment.SandboxId, NetworkState.Adding, bootId, attachment.NamespacePath,
        attachment.PodNamespace, attachment.PodName, attachment.PodUid, [], "", attachment.Ports, null);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, NetworkRecordJson.Default.NetworkRecord);

    /// <returns>Null when the bytes are no record that this build can read.</returns>
    public static NetworkRecord? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            NetworkRecord? record = JsonSerializer.Deserialize(json, NetworkRecordJson.Default.NetworkRecord);
            return record is { Version: CurrentVersion, SandboxId.Length: > 0, Ips.IsDefault: false, Ports.IsDefault: false }
                && record.Cni is null or { Arguments.IsDefault: false } ? record : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <param name="Config">The configuration list as it was at ADD.</param>
/// <param name="Arguments">CNI_ARGS in pairs.</param>
/// <param name="Capabilities">What plugins may have been told at run time, a JSON object.</param>
/// <param name="Result">Of the last plugin; null until ADD has ended well.</param>
public sealed record CniAttachment(string Network, string Config, ImmutableArray<ImmutableArray<string>> Arguments, string Capabilities, string? Result);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(NetworkRecord))]
internal sealed partial class NetworkRecordJson : JsonSerializerContext;
