using System.Globalization;
using NativeKubelet.Api.Local;
using NativeKubelet.Runtime.Stats;

namespace NativeKubelet.Cli.Verbs;

/// <summary>
/// What <c>run</c> shows: on a terminal a table that is painted over in place, elsewhere one line for each change of a pod.
/// Notes scroll by above the table.
/// </summary>
internal sealed class RunView(CliConsole console)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _told = [];
    private int _painted;
    private PodListDocument? _pods;
    private UsageSnapshot _usage = UsageSnapshot.Empty;

    public void Note(string text)
    {
        lock (_gate)
        {
            Wipe();
            console.Out.WriteLine(CliConsole.Clean(text));
            Paint();
            console.Out.Flush();
        }
    }

    public void Show(PodListDocument pods, UsageSnapshot usage)
    {
        lock (_gate)
        {
            (_pods, _usage) = (pods, usage);
            if (console.Size() is null) Tell();
            else
            {
                Wipe();
                Paint();
            }
            console.Out.Flush();
        }
    }

    private void Tell()
    {
        foreach (PodDocument pod in _pods!.Pods)
        {
            string line = Line(pod);
            // Figures change all the time: the first ones are told with the pod, further ones are for terminals.
            string key = $"{line}\0{_usage.Pods.ContainsKey(pod.Uid)}";
            if (_told.TryGetValue(pod.Uid, out string? before) && before == key) continue;
            _told[pod.Uid] = key;
            console.Out.WriteLine(CliConsole.Clean(line + Figures(pod)));
        }
    }

    private static string Line(PodDocument pod) =>
        $"pod {pod.Name}: {pod.Status}, {pod.Ready}/{pod.Total} ready" + (pod.Restarts > 0 ? $", {pod.Restarts} restarts" : "") + (pod.Ip.Length > 0 ? $", {pod.Ip}" : "");

    private string Figures(PodDocument pod) => !_usage.Pods.TryGetValue(pod.Uid, out UsageSample sample) ? ""
        : string.Concat(sample.NanoCores is { } cpu ? $", cpu {Units.Cpu(cpu)}" : "", sample.Usage.WorkingSet is { } memory ? $", memory {Units.Bytes(memory)}" : "");

    private void Paint()
    {
        if (_pods is null || console.Size() is not { } size) return;
        Table table = new("POD", "READY", "STATUS", "RESTARTS", "IP", "CPU", "MEMORY");
        foreach (PodDocument pod in _pods.Pods)
        {
            UsageSample sample = _usage.Pods.GetValueOrDefault(pod.Uid);
            table.Add(
                pod.Name, $"{pod.Ready}/{pod.Total}", pod.Status, pod.Restarts.ToString(CultureInfo.InvariantCulture), pod.Ip.Length > 0 ? pod.Ip : "-",
                sample.NanoCores is { } cpu ? Units.Cpu(cpu) : "-", sample.Usage.WorkingSet is { } memory ? Units.Bytes(memory) : "-");
        }
        StringWriter text = new() { NewLine = "\n" };
        table.Print(text);
        // A table higher than the window could not be painted over again.
        string[] lines = [.. text.ToString().TrimEnd('\n').Split('\n').Take(Math.Max(2, size.Rows - 1)).Select(l => l.Length > size.Columns ? l[..size.Columns] : l)];
        foreach (string line in lines) console.Out.WriteLine(line);
        _painted = lines.Length;
    }

    private void Wipe()
    {
        if (_painted > 0) console.Out.Write($"\e[{_painted}A\e[J");
        _painted = 0;
    }
}
