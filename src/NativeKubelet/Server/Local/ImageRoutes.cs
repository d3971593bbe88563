using NativeKubelet.Api.Local;
using NativeKubelet.Runtime;

namespace NativeKubelet.Server.Local;

/// <summary>Images over the local socket: list, pull and import with progress, remove.</summary>
public sealed class ImageRoutes(IImageStore images, IContainerRuntime runtime)
{
    public Routes AddTo(Routes routes) => routes
        .Add("GET", "/v1/images", ListAsync)
        .Add("DELETE", "/v1/images", RemoveAsync)
        .Add("POST", "/v1/images/pull", PullAsync)
        .Add("POST", "/v1/images/import", ImportAsync);

    private Task ListAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel) =>
        LocalRoutes.SendAsync(to, new([.. images.Images.Select(Document)]), LocalJson.Default.ImageListDocument, cancel);

    private async Task PullAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        string reference = request.Query.GetValueOrDefault("name", "");
        // A client that leaves ends its pull; what was downloaded stays for the next one.
        await using PeerWatch left = to.WatchPeer(cancel);
        await LinesAsync(to, ImageLines.Of(
            async progress => [await images.PullAsync(reference, [], progress, left.Token)],
            Document, e => $"{e.Reason}: {e.Message}", left.Token), left.Token);
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
        await LinesAsync(to, ImageLines.Of(
            progress => images.ImportAsync(path, request.Query.ContainsKey("pin"), progress, left.Token),
            Document, e => e.Message, left.Token), left.Token);
    }

    private async Task RemoveAsync(HttpRequest request, byte[] body, HttpResponse to, CancellationToken cancel)
    {
        string reference = request.Query.GetValueOrDefault("name", "");
        try
        {
            if (images.Find(reference) is not { } image) await to.TextAsync(404, $"no image \"{reference}\" on this node", cancel);
            else if (!request.Query.ContainsKey("force") && ImageUse.Refusal(image, reference, ImageUse.Users(runtime.Sandboxes)) is { } refusal)
                await to.TextAsync(409, refusal, cancel);
            else
            {
                await images.RemoveAsync(reference, cancel);
                await to.TextAsync(200, images.Find(image.Id) is null ? $"deleted {image.Id}" : $"untagged {reference}", cancel);
            }
        }
        catch (ImageException e)
        {
            await to.TextAsync(409, e.Message, cancel);
        }
    }

    private static async Task LinesAsync(HttpResponse to, IAsyncEnumerable<PullLine> lines, CancellationToken cancel)
    {
        await foreach (PullLine line in lines) await LocalRoutes.LineAsync(to, line, LocalJson.Default.PullLine, cancel);
    }

    private ImageDocument Document(ImageRecord image) => ImageUse.Document(image, ImageUse.Users(runtime.Sandboxes));
}
