using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>An image store with directories of its own, and a registry that is a directory. Everything goes with it.</summary>
public sealed class StoreHost : IDisposable
{
    private readonly RecordingLogger _log = new();

    public StoreHost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it makes owners, devices and mounts");
        Root = Directory.CreateTempSubdirectory("nk-test-").FullName;
        Paths = new(Path.Combine(Root, "kubelet"), Path.Combine(Root, "data"), Path.Combine(Root, "run"), Path.Combine(Root, "logs"), Path.Combine(Root, "links"));
        Registry = new DirectoryRegistry(Path.Combine(Root, "registry"));
        Store = Open();
    }

    public string Root { get; }
    public RuntimePaths Paths { get; }
    public DirectoryRegistry Registry { get; }
    public ImageStore Store { get; private set; }
    public LayerLimits Limits { get; set; } = LayerLimits.Default;
    public IReadOnlyList<string> Log => _log.Lines;
    public string this[string name] => Path.Combine(Root, name);

    public string StoreDirectory => Path.Combine(Paths.Data, "images");
    public string[] LayerDirectories => Directory.GetDirectories(Path.Combine(StoreDirectory, "layers"));
    public string[] Blobs => Directory.GetFiles(Path.Combine(StoreDirectory, "blobs"));

    public ImageStore Reopen()
    {
        Store.Dispose();
        return Store = Open();
    }

    public Task<ImageRecord> PullAsync(string reference, IProgress<PullProgress>? progress = null) => Store.PullAsync(reference, [], progress, Deadline());

    public async Task<string> MountAsync(ImageRecord image, string container)
    {
        string target = Path.Combine(Root, "mounted", container);
        await Store.MountRootFileSystemAsync(image, Paths.ContainerData(container), target, null, null, Deadline());
        return target;
    }

    public Task UnmountAsync(string container) => Store.UnmountRootFileSystemAsync(Paths.ContainerData(container), Path.Combine(Root, "mounted", container), Deadline());

    public string MakeImage(string name, params string[] options)
    {
        string output = this[name];
        Tool.Run(Path.Combine(Tools, "make-image"), ["--output", output, .. options]);
        return output;
    }

    public static CancellationToken Deadline() => TimeLimit.Token();

    public void Dispose()
    {
        Store.Dispose();
        foreach (MountInfo mount in MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).Reverse())
            if (mount.MountPoint.StartsWith(Root, StringComparison.Ordinal)) MountPoint.Detach(mount.MountPoint);
        DirectoryHandle.DeleteTree(Root);
    }

    public static string Tools
    {
        get
        {
            if (Environment.GetEnvironmentVariable("NK_TOOLS") is { Length: > 0 } given) return given;
            for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
                if (File.Exists(Path.Combine(at.FullName, "tools/make-image"))) return Path.Combine(at.FullName, "tools");
            throw new DirectoryNotFoundException("tools/make-image; set NK_TOOLS");
        }
    }

    private ImageStore Open() => ImageStore.Open(Paths, Registry, Limits, TimeProvider.System, _log);
}

/// <summary>Serves an OCI layout as a registry does, and breaks off, lies and counts as it is told.</summary>
public sealed class DirectoryRegistry(string directory) : IImageRegistry
{
    private readonly List<(string Digest, long Offset)> _opened = [];

    /// <summary>Blobs that were opened, and from where on.</summary>
    public IReadOnlyList<(string Digest, long Offset)> Opened { get { lock (_opened) return [.. _opened]; } }

    /// <summary>A stream ends with an error after so many bytes.</summary>
    public long? BreakAfter { get; set; }

    /// <summary>Every blob begins at its start, whatever was asked for.</summary>
    public bool IgnoresOffsets { get; set; }

    /// <summary>Changes what is served.</summary>
    public Func<byte[], byte[]>? Change { get; set; }

    /// <summary>Blobs wait for it.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Puts images of the layout into the registry: tag → digest of the manifest.</summary>
    public Dictionary<string, string> Tags { get; } = [];

    public string Layout => directory;

    public Task<RegistryDocument> GetManifestAsync(ImageReference reference, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel)
    {
        string? digest = reference.Digest?.Text ?? Tags.GetValueOrDefault(reference.Tagged!);
        if (digest is null || !File.Exists(BlobOf(digest))) throw new ImageException("ErrImagePull", $"{reference.Repository}: not found");
        byte[] content = File.ReadAllBytes(BlobOf(digest));
        return Task.FromResult(new RegistryDocument(Change?.Invoke(content) ?? content, null, ContentDigest.Parse(digest)));
    }

    public async Task<RegistryBlob> OpenBlobAsync(
        ImageReference reference, ContentDescriptor blob, long offset, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel)
    {
        lock (_opened) _opened.Add((blob.Digest.Text, offset));
        await Gate.WaitAsync(cancel);
        if (IgnoresOffsets) offset = 0;
        byte[] content = File.ReadAllBytes(BlobOf(blob.Digest.Text));
        content = Change?.Invoke(content) ?? content;
        return new(new Breaking(content[(int)offset..], blob.MediaType.Contains("layer", StringComparison.Ordinal) ? BreakAfter : null), offset);
    }

    private string BlobOf(string digest) => Path.Combine(directory, "blobs", digest.Replace(':', '/'));

    private sealed class Breaking(byte[] data, long? limit) : MemoryStream(data)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (limit is { } end && Position >= end) throw new IOException("connection reset by peer");
            return new(Read(buffer.Span[..(int)Math.Min(buffer.Length, Math.Max(1, (limit ?? long.MaxValue) - Position))]));
        }
    }
}
