using System.Text;
using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Images;

/// <summary>A running agent's images, over its socket.</summary>
internal sealed class AgentImages(AgentClient agent) : NodeImages
{
    public override Task<ImageListDocument> ListAsync(CancellationToken cancel) =>
        agent.GetAsync("/v1/images", LocalJson.Default.ImageListDocument, cancel);

    public IAsyncEnumerable<PullLine> PullAsync(string reference, CancellationToken cancel) =>
        agent.LinesAsync("POST", $"/v1/images/pull?name={Uri.EscapeDataString(reference)}", LocalJson.Default.PullLine, cancel);

    public override IAsyncEnumerable<PullLine> ImportAsync(string path, bool pin, CancellationToken cancel) =>
        agent.LinesAsync("POST", $"/v1/images/import?path={Uri.EscapeDataString(path)}{(pin ? "&pin" : "")}", LocalJson.Default.PullLine, cancel);

    public override async Task<string> RemoveAsync(string reference, bool force, CancellationToken cancel) =>
        Encoding.UTF8.GetString(await agent.SendAsync("DELETE", $"/v1/images?name={Uri.EscapeDataString(reference)}{(force ? "&force" : "")}", cancel));
}
