using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Server;

namespace NativeKubelet.Composition;

/// <summary>
/// What systemd is told of the agent: ready, ending, and, where the unit has WatchdogSec=, alive. A sign of life is sent
/// only while every health check holds, so that systemd starts an agent anew that answers but no longer works.
/// </summary>
internal sealed partial class SystemdWatch
{
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    private readonly ServiceManager _manager;
    private readonly TimeSpan? _period;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal SystemdWatch(ServiceManager manager, TimeSpan? period, TimeProvider time, ILogger log) => (_manager, _period, _time, _log) = (manager, period, time, log);

    /// <summary>Takes what systemd gave this process out of its environment: what it starts must not speak in its name.</summary>
    /// <exception cref="ConfigException">The unit's WatchdogSec= cannot be kept.</exception>
    public static SystemdWatch OfEnvironment(TimeProvider time, ILogger log)
    {
        ServiceManager manager = new(Take("NOTIFY_SOCKET"));
        try
        {
            return new(manager, WatchdogPeriod.Parse(Take("WATCHDOG_USEC"), Take("WATCHDOG_PID"), Environment.ProcessId), time, log);
        }
        catch (FormatException e)
        {
            throw new ConfigException(e.Message, e);
        }
    }

    public void Ready() => _manager.TryTell(ServiceManager.Ready, $"MAINPID={Environment.ProcessId}");

    public void Stopping() => _manager.TryTell(ServiceManager.Stopping);

    /// <summary>Signs of life, two in each period, until cancelled.</summary>
    public async Task RunAsync(ImmutableArray<HealthCheck> checks, CancellationToken cancel)
    {
        if (_period is not { } period || !_manager.Listens)
        {
            NotWatched();
            return;
        }
        Watched(period);
        bool told = false;
        using PeriodicTimer timer = new(period / 2, _time);
        do
        {
            if (HealthCheck.FaultOf(checks) is not { } fault)
            {
                told = false;
                // The manager may just be reading its queue; a lost sign must not cost an agent.
                if (!_manager.TryTell(ServiceManager.Watchdog))
                {
                    await Task.Delay(Again, _time, cancel);
                    _manager.TryTell(ServiceManager.Watchdog);
                }
            }
            else if (!told)
            {
                SignWithheld(fault);
                told = true;
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private static string? Take(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, null);
        return value;
    }

    [LoggerMessage(LogLevel.Information, "Systemd watchdog is not enabled")]
    private partial void NotWatched();

    [LoggerMessage(LogLevel.Information, "Starting systemd watchdog period={Period}")]
    private partial void Watched(TimeSpan period);

    [LoggerMessage(LogLevel.Error, "WatchdogSignWithheld: {Fault}; systemd will start this agent anew")]
    private partial void SignWithheld(string fault);
}
