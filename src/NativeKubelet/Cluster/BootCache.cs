using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Objects;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Cluster;

/// <summary>What this node last knew of its cluster: enough to start its pods while the API server cannot be reached.</summary>
/// <param name="Services">As far as containers are told of them.</param>
internal sealed record CachedCluster(
    ImmutableArray<V1Pod> Pods, ImmutableArray<NodeObject> Objects, ImmutableArray<V1Service> Services, ImmutableArray<V1RuntimeClass> Classes, V1Node? Node)
{
    public static CachedCluster None { get; } = new([], [], [], [], null);
}

/// <summary>
/// Keeps that on disk: a file for each pod with all objects that it refers to, Secrets too, so nobody but root may read it; one more
/// for the rest. Nothing is written while nothing changes. A file that cannot be read is set aside, and its pod waits for the server.
/// </summary>
/// <param name="seal">Null: files are plain.</param>
internal sealed partial class BootCache(string directory, CacheSeal? seal, ILogger log)
{
    private const string Around = "cluster.json", Origin = "origin.json";
    private const uint Secret = 0x180, SecretDirectory = 0x1C0; // 0600, 0700
    private const UnixFileMode OwnersOnly = (UnixFileMode)SecretDirectory;

    private string Pods => Path.Combine(directory, "pods");

    /// <param name="origin">Of the cluster that this node is in now: what another one wanted here is removed. Null: not known.</param>
    public CachedCluster Load(ClusterOrigin? origin)
    {
        if (seal is not null) RemovePlainLeftovers();
        if (origin is not null)
        {
            if (ReadIfThere(Origin, ClusterOrigin.Read) is { } former && !former.MayBe(origin))
            {
                OfOtherCluster(former.Server);
                // Under the name of that one still: the next start tries again.
                if (!Clear()) return CachedCluster.None;
            }
            Write(Path.Combine(directory, Origin), origin.Write());
        }
        List<V1Pod> pods = [];
        Dictionary<ObjectKey, NodeObject> objects = [];
        foreach (string file in Directory.Exists(Pods) ? Directory.GetFiles(Pods, "*.json") : [])
            if (Read(file, CachedPod.Read) is { } kept)
            {
                pods.Add(kept.Pod);
                foreach (NodeObject found in kept.Objects) objects[found.Key] = found;
            }
        CachedSurroundings around = ReadIfThere(Around, CachedSurroundings.Read) ?? CachedSurroundings.None;
        return new([.. pods], [.. objects.Values], around.Services, around.Classes, around.Node);
    }

    /// <summary>Nothing that was kept stays; whose it was goes last, so that a power cut on the way makes nobody else's of the rest.</summary>
    /// <returns>False when some of it stays, which is told.</returns>
    public bool Clear()
    {
        try
        {
            if (!Directory.Exists(directory)) return true;
            DirectoryHandle.DeleteTree(Pods);
            foreach (string file in Directory.GetFiles(directory).OrderBy(f => Path.GetFileName(f) == Origin)) File.Delete(file);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            NotCleared(directory, e.Message);
            return false;
        }
    }

    /// <summary>What was set aside, or being written when an agent was killed, before there was a key.</summary>
    private void RemovePlainLeftovers()
    {
        foreach (string folder in (string[])[directory, Pods])
            foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder).Where(f => !f.EndsWith(".json", StringComparison.Ordinal)) : [])
                try
                {
                    if (!CacheSeal.IsSealed(File.ReadAllBytes(file))) File.Delete(file);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    PlainLeftover(file, e.Message);
                }
    }

    /// <summary>Those that are kept, by UID.</summary>
    public IEnumerable<string> KeptPods => Directory.Exists(Pods) ? Directory.GetFiles(Pods, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)) : [];

    public void Keep(V1Pod pod, IEnumerable<NodeObject> objects) => Write(Path.Combine(Pods, pod.Metadata.Uid + ".json"), CachedPod.Write(pod, objects));

    public void KeepAround(IEnumerable<V1Service> services, IEnumerable<V1RuntimeClass> classes, V1Node? node) =>
        Write(Path.Combine(directory, Around), CachedSurroundings.Write(services, classes, node));

    public void Forget(string podUid)
    {
        string file = Path.Combine(Pods, podUid + ".json");
        try
        {
            AtomicFile.Remove(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            CacheNotWritten(file, e.Message);
        }
    }

    private T? ReadIfThere<T>(string name, Func<byte[], T> decode) where T : class =>
        Path.Combine(directory, name) is var file && File.Exists(file) ? Read(file, decode) : null;

    private T? Read<T>(string file, Func<byte[], T> decode) where T : class
    {
        try
        {
            byte[] content = File.ReadAllBytes(file);
            if (seal is null || CacheSeal.IsSealed(content)) return decode(Opened(file, content));
            // Of the time before there was a key: nothing of it is to stay.
            File.Delete(file);
            CacheNotSealed(file);
        }
        catch (Exception e) when (e is JsonException or CryptographicException or IOException or UnauthorizedAccessException)
        {
            // Its words could show a value of a Secret; the place says enough.
            CacheBroken(SetAside(file), e.GetType().Name);
        }
        return null;
    }

    /// <returns>Where it is now.</returns>
    private static string SetAside(string file)
    {
        try
        {
            return AtomicFile.SetAside(file);
        }
        catch (IOException)
        {
            return file;    // on a disk that cannot be written
        }
    }

    private void Write(string file, byte[] bytes)
    {
        try
        {
            Directory.CreateDirectory(Pods, OwnersOnly);
            if (seal is null) AtomicFile.Write(file, bytes, Secret);
            else if (!Holds(file, bytes)) AtomicFile.Write(file, seal.Close(Path.GetFileName(file), bytes), Secret);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            CacheNotWritten(file, e.Message);
        }
    }

    private byte[] Opened(string file, byte[] content) => seal is null ? content : seal.Open(Path.GetFileName(file), content);

    /// <summary>No two sealed files are equal, so it is what is in them that tells whether anything changes.</summary>
    private bool Holds(string file, byte[] bytes)
    {
        try
        {
            return File.Exists(file) && Opened(file, File.ReadAllBytes(file)).AsSpan().SequenceEqual(bytes);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "BootCacheNotSealed path={Path}: it is removed, as a key for the cache is given; what it says is had from the API server again")]
    private partial void CacheNotSealed(string path);

    [LoggerMessage(LogLevel.Warning, "BootCacheOfOtherCluster server={Server}: this node is in another cluster now; what was kept of that one is removed")]
    private partial void OfOtherCluster(string server);

    [LoggerMessage(LogLevel.Error, "BootCacheNotCleared path={Path}: {Cause}; remove it by hand, as it may hold Secrets of another cluster, and pods that would be run")]
    private partial void NotCleared(string path, string cause);

    [LoggerMessage(LogLevel.Warning, "BootCachePlainLeft path={Path}: {Cause}; remove it by hand, as it may hold Secrets")]
    private partial void PlainLeftover(string path, string cause);

    [LoggerMessage(LogLevel.Error, "BootCacheBroken: it is set aside as {Path} ({What}); what it says is had from the API server again")]
    private partial void CacheBroken(string path, string what);

    [LoggerMessage(LogLevel.Warning, "BootCacheNotWritten path={Path}: {Cause}; a start without the API server would not know the newest")]
    private partial void CacheNotWritten(string path, string cause);
}
