using System.Collections.Immutable;
using System.Text;
using k8s.Models;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Volumes;

/// <summary>One file that a volume shows.</summary>
/// <param name="Mode">Permissions, without type.</param>
public readonly record struct VolumeFile(ReadOnlyMemory<byte> Data, uint Mode)
{
    /// <summary>Null: the agent's own user.</summary>
    public uint? Owner { get; init; }
}

/// <summary>What volumes' files are made of.</summary>
/// <param name="Allocatable">The limits of containers that set none.</param>
public sealed record VolumeFacts(NodeObjects Objects, PodTokens Tokens, ResourceAmounts Allocatable);

/// <summary>An object or a key of it that a volume must show does not exist.</summary>
public sealed class VolumeContentException(string message) : Exception(message);

/// <summary>
/// What the files of a configMap, secret, downwardAPI or projected volume say (spec 41 §4). Pure; the words of what is missing
/// are the original's, and never hold a value.
/// </summary>
public static class VolumeContent
{
    private const int LongestPath = 4096, LongestName = 255, OwnersOnly = 0x180 /* 0600 */;

    public static bool Shows(V1Volume volume) =>
        volume.ConfigMap is not null || volume.Secret is not null || volume.DownwardAPI is not null || volume.Projected is not null;

    /// <summary>Secrets, tokens, and what may hold some belong in memory, never on a disk.</summary>
    public static bool InMemory(V1Volume volume) => volume.ConfigMap is null;

    /// <returns>By relative path; of two sources that give one path, the later wins.</returns>
    /// <exception cref="VolumeContentException">Something that is not optional is missing, or a path could leave the volume.</exception>
    public static ImmutableSortedDictionary<string, VolumeFile> Collect(V1Pod pod, V1Volume volume, VolumeFacts facts)
    {
        Collector files = new(pod, facts);
        if (volume.ConfigMap is { } map) files.ConfigMap(map.Name, map.Items, map.Optional, map.DefaultMode);
        else if (volume.Secret is { } secret) files.Secret(secret.SecretName, secret.Items, secret.Optional, secret.DefaultMode);
        else if (volume.DownwardAPI is { } downward) files.Downward(downward.Items, downward.DefaultMode);
        else
            foreach (V1VolumeProjection source in volume.Projected?.Sources ?? []) files.Projection(source, volume.Projected!.DefaultMode);
        return files.All;
    }

    private sealed class Collector(V1Pod pod, VolumeFacts facts)
    {
        private readonly ImmutableSortedDictionary<string, VolumeFile>.Builder _files = ImmutableSortedDictionary.CreateBuilder<string, VolumeFile>(StringComparer.Ordinal);

        public ImmutableSortedDictionary<string, VolumeFile> All => _files.ToImmutable();

        private string Namespace => pod.Metadata.NamespaceProperty;

        public void Projection(V1VolumeProjection source, int? mode)
        {
            if (source.ConfigMap is { } map) ConfigMap(map.Name, map.Items, map.Optional, mode);
            else if (source.Secret is { } secret) Secret(secret.Name, secret.Items, secret.Optional, mode);
            else if (source.DownwardAPI is { } downward) Downward(downward.Items, mode);
            else if (source.ServiceAccountToken is { } token) Token(token, mode);
        }

        private void Token(V1ServiceAccountTokenProjection source, int? mode)
        {
            string token = facts.Tokens.Find(TokenWish.Of(source), out string fault) ?? throw new VolumeContentException($"failed to fetch token: {fault}");
            uint? user = VolumeUse.User(pod);
            // Nobody else's, where there is one user or group whose it is; the group's turn to read comes with its ownership.
            int? own = user is not null || VolumeUse.Group(pod) is not null ? OwnersOnly : mode;
            Add(source.Path, Encoding.UTF8.GetBytes(token), own, user);
        }

        public void ConfigMap(string? name, IList<V1KeyToPath>? items, bool? optional, int? mode)
        {
            V1ConfigMap? map = facts.Objects.ConfigMap(Namespace, name ?? "");
            if (map is null && optional != true) throw Missing(ObjectKey.ConfigMap(Namespace, name ?? ""));
            Dictionary<string, ReadOnlyMemory<byte>> data = [];
            foreach ((string key, string text) in map?.Data ?? new Dictionary<string, string>()) data[key] = Encoding.UTF8.GetBytes(text);
            foreach ((string key, byte[] bytes) in map?.BinaryData ?? new Dictionary<string, byte[]>()) data.TryAdd(key, bytes);
            Keys(data, items, optional, mode, "configmap references non-existent config key");
        }

        public void Secret(string? name, IList<V1KeyToPath>? items, bool? optional, int? mode)
        {
            V1Secret? secret = facts.Objects.Secret(Namespace, name ?? "");
            if (secret is null && optional != true) throw Missing(ObjectKey.Secret(Namespace, name ?? ""));
            Dictionary<string, ReadOnlyMemory<byte>> data = [];
            foreach ((string key, byte[] bytes) in secret?.Data ?? new Dictionary<string, byte[]>()) data[key] = bytes;
            Keys(data, items, optional, mode, "references non-existent secret key");
        }

        public void Downward(IList<V1DownwardAPIVolumeFile>? items, int? mode)
        {
            foreach (V1DownwardAPIVolumeFile item in items ?? [])
            {
                try
                {
                    string text = item.FieldRef is { } field ? DownwardFields.Metadata(pod, field.FieldPath)
                        : item.ResourceFieldRef is { } resource ? DownwardFields.Resource(pod, "", resource, facts.Allocatable)
                        : throw new FormatException("neither fieldRef nor resourceFieldRef is set");
                    Add(item.Path, Encoding.UTF8.GetBytes(text), item.Mode ?? mode);
                }
                catch (FormatException e)
                {
                    throw new VolumeContentException($"{item.Path}: {e.Message}");
                }
            }
        }

        private void Keys(Dictionary<string, ReadOnlyMemory<byte>> data, IList<V1KeyToPath>? items, bool? optional, int? mode, string missing)
        {
            if (items is not { Count: > 0 })
            {
                foreach ((string key, ReadOnlyMemory<byte> bytes) in data) Add(key, bytes, mode);
                return;
            }
            foreach (V1KeyToPath item in items)
            {
                if (data.TryGetValue(item.Key, out ReadOnlyMemory<byte> bytes)) Add(item.Path, bytes, item.Mode ?? mode);
                else if (optional != true) throw new VolumeContentException($"{missing}: {item.Key}");
            }
        }

        private void Add(string path, ReadOnlyMemory<byte> data, int? mode, uint? owner = null)
        {
            if (PathFault(path) is { } fault) throw new VolumeContentException($"invalid path \"{path}\": {fault}");
            _files[Normal(path)] = new(data, (uint)(mode ?? 0x1A4 /* 0644 */) & 0x1FF) { Owner = owner };
        }

        private static VolumeContentException Missing(ObjectKey key) => new($"{key.Word} not found");
    }

    /// <summary>Names that begin with ".." are the volume's own.</summary>
    public static string? PathFault(string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return path.Length == 0 || parts.Length == 0 ? "must not be empty"
            : path[0] == '/' ? "must be a relative path"
            : path.Contains('\0', StringComparison.Ordinal) ? "must not contain NUL"
            : Encoding.UTF8.GetByteCount(path) > LongestPath ? $"must be no more than {LongestPath} bytes"
            : parts.Any(p => Encoding.UTF8.GetByteCount(p) > LongestName) ? $"an element must be no more than {LongestName} bytes"
            : parts.Contains("..") ? "must not contain '..'"
            : parts[0].StartsWith("..", StringComparison.Ordinal) ? "must not start with '..'"
            : null;
    }

    private static string Normal(string path) => string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != "."));
}
