namespace NativeKubelet.Runtime.Images.Store;

/// <summary>The store's directories. All but leases are below DATA/images, on one file system.</summary>
/// <param name="Root">DATA/images, 0700.</param>
/// <param name="Leases">On tmpfs: which layers mounted root file systems use. Mounts do not outlive a reboot either.</param>
public sealed record StorePaths(string Root, string Leases)
{
    /// <summary>Manifests, indexes and configurations for good; layers only until they are unpacked.</summary>
    public string Blobs => Path.Combine(Root, "blobs");

    /// <summary>Half-fetched blobs, by digest.</summary>
    public string Ingest => Path.Combine(Root, "ingest");

    /// <summary>One directory per chain ID: diff/ and layer.json. What begins with a dot is being made or removed.</summary>
    public string Layers => Path.Combine(Root, "layers");

    /// <summary>One record per image, by its ID.</summary>
    public string Records => Path.Combine(Root, "records");

    /// <summary>Decompressed archives while they are imported.</summary>
    public string Scratch => Path.Combine(Root, "scratch");

    public static StorePaths Of(RuntimePaths paths) => new(Path.Combine(paths.Data, "images"), Path.Combine(paths.Run, "image-leases"));

    public void Create()
    {
        foreach (string directory in (string[])[Root, Blobs, Ingest, Layers, Records, Scratch, Leases])
        {
            Directory.CreateDirectory(directory);
            using Linux.Files.DirectoryHandle handle = Linux.Files.DirectoryHandle.Open(directory);
            // Setuid programs and keys of images are for containers, not for the machine's other users.
            if (handle.Status().Permissions != 0x1C0) handle.SetMode(".", 0x1C0);
        }
    }
}
