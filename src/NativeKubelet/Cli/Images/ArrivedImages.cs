using NativeKubelet.Api.Local;
using NativeKubelet.Cli.Verbs;

namespace NativeKubelet.Cli.Images;

/// <summary>What one call of <c>pull</c> or <c>import</c> brings: each image as it comes, or all of them for programs; a failure stops no other.</summary>
internal sealed class ArrivedImages
{
    private readonly VerbCall _call;
    private readonly CliConsole _console;
    private readonly string? _format;
    private readonly List<ImageDocument> _images = [];
    private bool _failed;

    public ArrivedImages(VerbCall call, CliConsole console)
    {
        (_call, _console, _format) = (call, console, call.TryGet("output"));
    }

    /// <exception cref="AgentAbsentException">Nobody is there to ask; the others would fare no better.</exception>
    public async Task TakeAsync(Func<LayerProgressView?, Task<List<ImageDocument>>> work)
    {
        List<ImageDocument> images;
        try
        {
            images = await work(_format is not null || _call.Has("quiet") ? null : new LayerProgressView(_console));
        }
        catch (VerbException e) when (e is not AgentAbsentException)
        {
            _failed = true;
            _console.Error.WriteLine(CliConsole.Clean($"nativekubelet {_call.Verb.Name}: {e.Message}"));
            return;
        }
        _images.AddRange(images);
        if (_format is not null) return;
        foreach (ImageDocument image in images)
            _console.Out.WriteLine(CliConsole.Clean($"{ImagesVerb.NameOf(image)}  {image.Id}  {Units.Bytes(image.SizeBytes)}"));
        _console.Out.Flush();
    }

    /// <returns>The exit code.</returns>
    public int Finish()
    {
        if (_format is not null) ImagesVerb.PrintDocuments(_images, _format, _console);
        return _failed ? VerbTable.Failed : 0;
    }
}
