using System.Globalization;
using System.Text.Json;
using NativeKubelet.Api.Kubelet;

namespace NativeKubelet.Core.Containers.Users;

/// <summary>User and group ids of the host that a pod of its own user namespace counts from 0.</summary>
/// <param name="Host">What 0 in the pod is outside.</param>
public readonly record struct IdRange(uint Host, uint Length)
{
    /// <summary>A line of uid_map(5).</summary>
    public string Map => string.Create(CultureInfo.InvariantCulture, $"0 {Host} {Length}\n");

    public bool Overlaps(IdRange other) => Host < (ulong)other.Host + other.Length && other.Host < (ulong)Host + Length;

    public byte[] ToJson()
    {
        UserNamespaceMapping[] mapping = [new(Host, 0, Length)];
        return JsonSerializer.SerializeToUtf8Bytes(new UserNamespaceFile(mapping, mapping), UserNamespaceFileJson.Default.UserNamespaceFile);
    }

    /// <returns>Null when it is not one range for users and the same for groups, from 0 on.</returns>
    public static IdRange? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            UserNamespaceFile? file = JsonSerializer.Deserialize(json, UserNamespaceFileJson.Default.UserNamespaceFile);
            return file is { UidMappings: [var users], GidMappings: [var groups] } && users == groups && users is { ContainerId: 0, Length: > 0, HostId: > 0 }
                && (ulong)users.HostId + users.Length <= 1UL << 32
                ? new IdRange(users.HostId, users.Length) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
