using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli.Images;

/// <summary>
/// How a pull or an import goes: on a terminal a bar for each layer, painted over in place and gone at the end; elsewhere a
/// line for each stage that a layer comes to.
/// </summary>
internal sealed class LayerProgressView(CliConsole console)
{
    private const int Bar = 30;
    private const string Finished = "Done";

    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(100);

    private readonly List<PullLine> _layers = [];
    private long _paintedAt;
    private int _painted;

    public void Show(PullLine line)
    {
        int at = _layers.FindIndex(l => l.Layer == line.Layer);
        bool news = at < 0 || _layers[at].Stage != line.Stage;
        if (at < 0) _layers.Add(line);
        else _layers[at] = line;
        if (console.Size() is { } size)
        {
            // Faster than anyone sees would only keep a slow terminal busy.
            if (!news && console.Time.GetElapsedTime(_paintedAt) < Frame) return;
            _paintedAt = console.Time.GetTimestamp();
            Wipe();
            Paint(size.Rows, size.Columns);
        }
        else if (news) console.Out.WriteLine(CliConsole.Clean($"{line.Layer}: {line.Stage?.ToLowerInvariant()}{(line.Total > 0 ? $", {Units.Bytes(line.Total)}" : "")}"));
        console.Out.Flush();
    }

    public void End()
    {
        Wipe();
        console.Out.Flush();
        _layers.Clear();
    }

    /// <summary>One layer's line: <c>3f4a1c0b9d2e  Downloading  [=======&gt;      ]  1.2Mi / 4.3Mi</c>.</summary>
    internal static string LineOf(PullLine layer, int columns)
    {
        long done = layer.Stage == Finished ? layer.Total : Math.Clamp(layer.Done, 0, Math.Max(layer.Total, 0));
        int filled = layer.Total > 0 ? (int)(done * Bar / layer.Total) : 0;
        string bar = filled == Bar ? new string('=', Bar) : (new string('=', filled) + ">").PadRight(Bar);
        string size = layer.Total <= 0 ? Units.Bytes(layer.Done) : layer.Stage == Finished ? Units.Bytes(layer.Total) : $"{Units.Bytes(done)} / {Units.Bytes(layer.Total)}";
        string line = CliConsole.Clean($"{layer.Layer}  {layer.Stage,-11}  [{bar}]  {size}");
        return line.Length > columns ? line[..columns] : line;
    }

    private void Paint(int rows, int columns)
    {
        // More than the window holds could not be painted over again: those at work are shown first.
        PullLine[] shown = [.. _layers.OrderBy(l => l.Stage == Finished).Take(Math.Max(1, rows - 1))];
        foreach (PullLine layer in _layers.Where(shown.Contains)) console.Out.WriteLine(LineOf(layer, columns));
        _painted = shown.Length;
    }

    private void Wipe()
    {
        if (_painted > 0) console.Out.Write($"\e[{_painted}A\e[J");
        _painted = 0;
    }
}
