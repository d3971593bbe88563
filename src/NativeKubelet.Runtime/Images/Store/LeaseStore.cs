using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Runtime.Images.Store;

/// <summary>
/// Which layers containers use: a file per mounted root file system, naming the container's directory. A lease is valid
/// for as long as that directory exists, so a container that is removed while no agent runs frees its layers all the same.
/// </summary>
internal sealed class LeaseStore(StorePaths paths)
{
    /// <summary>Not synced: it lies on tmpfs, like the mounts it is about.</summary>
    public void Take(string directory, IEnumerable<string> chain) =>
        AtomicFile.Write(FileOf(directory), JsonSerializer.SerializeToUtf8Bytes(new StoredLease(directory, [.. chain]), StoreJson.Default.StoredLease), durable: false);

    /// <returns>The chain IDs that it held; none where there was no lease, or none that can be read.</returns>
    public ImmutableArray<ContentDigest> Release(string directory)
    {
        string file = FileOf(directory);
        try
        {
            StoredLease? lease = JsonSerializer.Deserialize(File.ReadAllBytes(file), StoreJson.Default.StoredLease);
            return lease is null ? [] : [.. lease.Chain.Select(ContentDigest.TryParse).OfType<ContentDigest>()];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return [];
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Chain IDs in use; leases whose directory has gone are dropped.</summary>
    /// <returns>Null when a lease cannot be read: then nobody knows what is free, and nothing may be removed.</returns>
    public HashSet<string>? TryInUse()
    {
        HashSet<string> used = new(StringComparer.Ordinal);
        foreach (string file in Directory.GetFiles(paths.Leases, "*.json"))
        {
            try
            {
                StoredLease? lease = JsonSerializer.Deserialize(File.ReadAllBytes(file), StoreJson.Default.StoredLease);
                if (lease is null) return null;
                if (Directory.Exists(lease.Directory)) used.UnionWith(lease.Chain);
                else File.Delete(file);
            }
            catch (JsonException)
            {
                return null;
            }
        }
        return used;
    }

    private string FileOf(string directory) =>
        Path.Combine(paths.Leases, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(directory)))[..32] + ".json");
}
