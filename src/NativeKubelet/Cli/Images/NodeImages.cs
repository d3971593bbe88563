using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Images;

/// <summary>The images that a verb works on: a running agent's, or those of a data directory that no agent holds.</summary>
internal abstract class NodeImages : IDisposable
{
    public static OptionSpec DataDirectory { get; } =
        new("data-dir", '\0', "DIR", "where no agent runs: the data directory (usually /var/lib/nativekubelet) to work on") { Kind = WordKind.Directory };

    /// <summary>Does a verb's work on the images that its call means.</summary>
    /// <param name="create">A data directory that is not there is made.</param>
    public static async Task<int> UseAsync(VerbCall call, bool create, Func<NodeImages, Task<int>> work)
    {
        using NodeImages images = call.TryGet("data-dir") is { } data
            ? DirectoryImages.Open(Path.GetFullPath(data), Path.GetFullPath(call.Get("run-dir", AgentClient.DefaultRunDirectory)), create)
            : new AgentImages(AgentClient.For(call));
        try
        {
            return await work(images);
        }
        catch (AgentAbsentException e) when (call.Verb.Options.Contains(DataDirectory))
        {
            throw new VerbException($"{e.Message}; or name the data directory with --data-dir, to work on it without an agent");
        }
    }

    public abstract Task<ImageListDocument> ListAsync(CancellationToken cancel);

    /// <param name="path">Absolute.</param>
    public abstract IAsyncEnumerable<PullLine> ImportAsync(string path, bool pin, CancellationToken cancel);

    /// <returns>What was done, in words.</returns>
    /// <exception cref="VerbException">There is no such image, or it is in use.</exception>
    public abstract Task<string> RemoveAsync(string reference, bool force, CancellationToken cancel);

    /// <summary>Shows lines as they come.</summary>
    /// <param name="view">Null: progress is not shown.</param>
    /// <returns>The images at their end.</returns>
    /// <exception cref="VerbException">The error at their end.</exception>
    public static async Task<List<ImageDocument>> FollowAsync(IAsyncEnumerable<PullLine> lines, LayerProgressView? view, CancellationToken cancel)
    {
        List<ImageDocument> images = [];
        try
        {
            await foreach (PullLine line in lines.WithCancellation(cancel))
            {
                if (line.Error is { } error) throw new VerbException(error);
                if (line.Image is { } image) images.Add(image);
                else view?.Show(line);
            }
        }
        finally
        {
            view?.End();
        }
        return images;
    }

    public virtual void Dispose() { }
}
