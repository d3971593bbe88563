using System.Collections.Immutable;
using System.Threading.Channels;
using NativeKubelet.Api.Local;
using NativeKubelet.Runtime;

namespace NativeKubelet.Server.Local;

/// <summary>Images over the local socket: list, pull with progress, import, remove.</summary>
public sealed class ImageRoutes(IImageStore images)
{
    public Routes AddTo(Routes routes) => routes
        .Add("GET", "/v1/images", (_, _, to, cancel) => LocalRoutes.SendAsync(to, List(images.Images), LocalJson.Default.ImageListDocument, cancel))
        .Add("DELETE", "/v1/images", RemoveAsync)
        .Add("POST", "/v1/images/pull", PullAsync)
        .Add("POST", "/v1/images/import", ImportAsync);

    /// <summary>Lines of progress; a failure after the first line can only be told by the last one.</summary>
    private async Task PullAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        string reference = request.Query.GetValueOrDefault("name", "");
        // A client that leaves ends its pull; what was downloaded stays for the next one.
        await using PeerWatch left = to.WatchPeer(cancel);
        // Progress comes from many layers at once and faster than anyone reads: a slow client loses lines, never slows the pull.
        Channel<PullProgress> lines = Channel.CreateBounded<PullProgress>(new BoundedChannelOptions(64) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        Task<ImageRecord> pull = images.PullAsync(reference, [], new Reporter(lines.Writer), left.Token);
        _ = pull.ContinueWith(_ => lines.Writer.TryComplete(), TaskScheduler.Default);
        await foreach (PullProgress p in lines.Reader.ReadAllAsync(left.Token))
            await LocalRoutes.LineAsync(to, new PullLine(p.Layer, p.Done, p.Total, p.Stage), LocalJson.Default.PullLine, left.Token);
        PullLine last;
        try
        {
            last = new PullLine(Image: Image(await pull));
        }
        catch (ImageException e)
        {
            last = new PullLine(Error: $"{e.Reason}: {e.Message}");
        }
        await LocalRoutes.LineAsync(to, last, LocalJson.Default.PullLine, left.Token);
    }

    private async Task ImportAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        string path = request.Query.GetValueOrDefault("path", "");
        if (!Path.IsPathFullyQualified(path))
        {
            await to.TextAsync(400, $"path \"{path}\" is not absolute", cancel);
            return;
        }
        await using PeerWatch left = to.WatchPeer(cancel);
        try
        {
            await LocalRoutes.SendAsync(to, List(await images.ImportAsync(path, left.Token)), LocalJson.Default.ImageListDocument, left.Token);
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            await to.TextAsync(409, e.Message, cancel);
        }
    }

    private async Task RemoveAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        string reference = request.Query.GetValueOrDefault("name", "");
        try
        {
            if (await images.RemoveAsync(reference, cancel)) await to.TextAsync(200, "", cancel);
            else await to.TextAsync(404, $"no image \"{reference}\" on this node", cancel);
        }
        catch (ImageException e)
        {
            await to.TextAsync(409, e.Message, cancel);
        }
    }

    private static ImageListDocument List(ImmutableArray<ImageRecord> images) => new([.. images.Select(Image)]);

    private static ImageDocument Image(ImageRecord i) => new(i.Id, i.RepoTags, i.RepoDigests, i.SizeBytes, i.Pinned);

    private sealed class Reporter(ChannelWriter<PullProgress> to) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => to.TryWrite(value);
    }
}
