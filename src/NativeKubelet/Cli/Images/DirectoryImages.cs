using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Server.Local;

namespace NativeKubelet.Cli.Images;

/// <summary>
/// The images of a data directory while no agent runs: of a machine that is being made, or one whose agent does not start.
/// The lock that an agent holds on the directory is held here meanwhile.
/// </summary>
internal sealed class DirectoryImages : NodeImages
{
    private readonly FileLock _lock;
    private readonly ImageStore _store;
    private readonly RuntimePaths _paths;

    private DirectoryImages(FileLock held, ImageStore store, RuntimePaths paths) => (_lock, _store, _paths) = (held, store, paths);

    /// <param name="run">Says which layers mounted containers use, which may run on without an agent.</param>
    /// <exception cref="VerbException">No data directory, or an agent works on it.</exception>
    public static DirectoryImages Open(string data, string run, bool create)
    {
        if (!create && !Directory.Exists(Path.Combine(data, "images"))) throw new VerbException($"{data} is no data directory: it has no images");
        Directory.CreateDirectory(data);
        FileLock held = FileLock.TryTake(Path.Combine(data, "lock"), out int holder)
            ?? throw new VerbException($"--data-dir {data} is in use by process {holder}; leave --data-dir out to ask that agent (--run-dir names another than {AgentClient.DefaultRunDirectory})");
        try
        {
            RuntimePaths paths = new("", data, run, "", "");
            return new(held, ImageStore.Open(paths, new NoNetwork(), LayerLimits.Default, TimeProvider.System, NullLogger.Instance), paths);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public override Task<ImageListDocument> ListAsync(CancellationToken cancel) =>
        Task.FromResult(new ImageListDocument([.. _store.Images.Select(Document)]));

    public override IAsyncEnumerable<PullLine> ImportAsync(string path, bool pin, CancellationToken cancel) =>
        ImageLines.Of(progress => _store.ImportAsync(path, pin, progress, cancel), Document, e => e.Message, cancel);

    public override async Task<string> RemoveAsync(string reference, bool force, CancellationToken cancel)
    {
        try
        {
            ImageRecord image = _store.Find(reference) ?? throw new VerbException($"no image \"{reference}\" in {_paths.Data}");
            if (!force && ImageUse.Refusal(image, reference, Users()) is { } refusal) throw new VerbException(refusal);
            await _store.RemoveAsync(reference, cancel);
            return _store.Find(image.Id) is null ? $"deleted {image.Id}" : $"untagged {reference}";
        }
        catch (ImageException e)
        {
            throw new VerbException(e.Message);
        }
    }

    public override void Dispose()
    {
        _store.Dispose();
        _lock.Dispose();
        base.Dispose();
    }

    private ImageDocument Document(ImageRecord image) => ImageUse.Document(image, Users());

    /// <summary>From the containers' records; a container whose record is damaged keeps its layers all the same, by its lease.</summary>
    private List<ImageUser> Users()
    {
        string containers = Path.GetDirectoryName(_paths.ContainerData("x"))!;
        if (!Directory.Exists(containers)) return [];
        return
        [
            .. from directory in Directory.EnumerateDirectories(containers)
               let file = Path.Combine(directory, "record.json")
               where File.Exists(file)
               let record = ContainerRecord.TryParse(File.ReadAllBytes(file))
               where record is not null
               select new ImageUser($"{record.PodNamespace}/{record.PodName}", record.Name, record.Image, record.ImageId),
        ];
    }

    private sealed class NoNetwork : IImageRegistry
    {
        public Task<RegistryDocument> GetManifestAsync(ImageReference reference, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel) => throw Refusal();

        public Task<RegistryBlob> OpenBlobAsync(
            ImageReference reference, ContentDescriptor blob, long offset, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel) => throw Refusal();

        private static ImageException Refusal() => new("ErrImagePull", "images are pulled by a running agent");
    }
}
