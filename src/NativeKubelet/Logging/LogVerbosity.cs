using System.IO.Enumeration;
using NativeKubelet.Config;
using Serilog.Core;
using Serilog.Events;

namespace NativeKubelet.Logging;

/// <summary>
/// How much is logged (<c>-v</c>, <c>--vmodule</c>), changeable while the program runs. Below 4: what happens to pods and
/// node; from 4 on each action with its arguments; from 6 on messages on the wire.
/// </summary>
public sealed class LogVerbosity
{
    public const int Debug = 4, Trace = 6;

    private readonly IReadOnlyList<(string Pattern, int Verbosity)> _modules;
    private volatile int _verbosity;

    public LogVerbosity(LogSettings settings)
    {
        _modules = settings.Modules;
        Current = settings.Verbosity;
    }

    /// <summary>Takes effect with the next message.</summary>
    public int Current
    {
        get => _verbosity;
        set
        {
            _verbosity = value;
            Switch.MinimumLevel = LevelOf(_modules.Select(m => m.Verbosity).Append(value).Max());
        }
    }

    /// <summary>Lets through what any category may say; which one may is <see cref="Allows"/>.</summary>
    internal LoggingLevelSwitch Switch { get; } = new();

    internal bool HasModules => _modules.Count > 0;

    /// <summary>As with klog the first pattern that fits counts, here over a category's short name and in any case of letters.</summary>
    internal bool Allows(LogEvent message)
    {
        string category = LogLine.CategoryOf(message);
        int verbosity = _verbosity;
        foreach ((string pattern, int own) in _modules)
            if (FileSystemName.MatchesSimpleExpression(pattern, category))
            {
                verbosity = own;
                break;
            }
        return message.Level >= LevelOf(verbosity);
    }

    private static LogEventLevel LevelOf(int verbosity) =>
        verbosity >= Trace ? LogEventLevel.Verbose : verbosity >= Debug ? LogEventLevel.Debug : LogEventLevel.Information;
}
