using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>By what a cluster is known again: its authorities, whatever its address is by then.</summary>
/// <param name="Authorities">SHA-256 of their keys, as certificates are renewed and keys stay; empty where the kubeconfig names none.</param>
internal sealed record ClusterOrigin(string Server, ImmutableArray<string> Authorities)
{
    /// <returns>Null while its authorities cannot be read, which is told where a connection is tried: nothing can be judged then.</returns>
    public static ClusterOrigin? Of(Kubeconfig file)
    {
        try
        {
            return new(file.Server.ToString(), [.. file.Authorities().Select(KeyOf).Order(StringComparer.Ordinal)]);
        }
        catch (ConfigException)
        {
            return null;
        }
    }

    /// <summary>While authorities are replaced, both are trusted; one that is known is enough.</summary>
    public bool MayBe(ClusterOrigin other) =>
        Authorities.IsEmpty || other.Authorities.IsEmpty ? Server == other.Server : Authorities.Intersect(other.Authorities).Any();

    public byte[] Write() => CacheJson.Bytes(new JsonObject
    {
        ["server"] = Server,
        ["authorities"] = new JsonArray([.. Authorities.Select(a => (JsonNode)a)]),
    });

    /// <exception cref="JsonException">It is no such file.</exception>
    public static ClusterOrigin Read(byte[] file) => CacheJson.Read(file, root => new ClusterOrigin(
        root["server"]?.GetValue<string>() ?? throw new JsonException("server is missing"),
        [.. CacheJson.Items(root, "authorities").Select(a => a?.GetValue<string>() ?? throw new JsonException("an authority is no text"))]));

    private static string KeyOf(X509Certificate2 authority)
    {
        using (authority) return Convert.ToHexStringLower(SHA256.HashData(authority.PublicKey.ExportSubjectPublicKeyInfo()));
    }
}
