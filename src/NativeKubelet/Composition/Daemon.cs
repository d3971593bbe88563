using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Linux.Systemd;
using NativeKubelet.Logging;

namespace NativeKubelet.Composition;

/// <summary>The program as the kubelet: from its command line to its exit code.</summary>
internal static partial class Daemon
{
    private const int Failed = 1;

    /// <summary>For what goes wrong before the configuration says how to log.</summary>
    private static readonly LogSettings PlainLog = new(Json: false, Verbosity: 0, [], SplitStream: false, TimeSpan.FromSeconds(5));

    public static async Task<int> RunAsync(string[] args, TextWriter error)
    {
        TimeProvider time = TimeProvider.System;
        LogSettings settings = PlainLog;
        try
        {
            ParsedFlags flags = FlagParser.Parse(args);
            // As pflag prints them: plain lines, before there is a log.
            foreach (string deprecation in flags.Deprecations) error.WriteLine(deprecation);
            KubeletOptions options = DriverChoice.Possible(OptionsResolver.Resolve(flags, NodeAgent.UsualDriver), SystemdManager.Runs);
            settings = options.Logging;
            using KubeletLogging logs = KubeletLogging.Create(settings, time);
            ILogger log = logs.CreateLogger(nameof(Daemon));
            if (settings.Verbosity >= 1)
                foreach (string given in flags.Given) Flag(log, given);
            foreach (string warning in options.Warnings) ConfigDoubt(log, warning);
            if (await HostAsync(options, logs, time) is not { } fault) return 0;
            CommandFailed(log, fault);
            return Failed;
        }
        catch (ConfigException e)
        {
            using KubeletLogging logs = KubeletLogging.Create(settings, time);
            CommandFailed(logs.CreateLogger(nameof(Daemon)), e);
            return Failed;
        }
    }

    /// <returns>Why it ended by itself; null when it was told to.</returns>
    private static async Task<Exception?> HostAsync(KubeletOptions options, KubeletLogging logs, TimeProvider time)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        // Within a second of SIGTERM the process is gone; nothing of what it leaves unfinished is lost, a kill must be survived too.
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromMilliseconds(800));
        builder.Services.Configure<ConsoleLifetimeOptions>(o => o.SuppressStatusMessages = true);
        builder.Services.AddSingleton<ILoggerFactory>(logs);
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(time);
        builder.Services.AddSingleton(SystemdWatch.OfEnvironment(time, logs.CreateLogger<SystemdWatch>()));
        builder.Services.AddSingleton<NodeService>();
        builder.Services.AddHostedService(services => services.GetRequiredService<NodeService>());
        using IHost host = builder.Build();
        int signals = 0;
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Again), interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Again);
        NodeService node = host.Services.GetRequiredService<NodeService>();
        await host.RunAsync();
        return node.Fault;

        // The first asks the host to end; whoever asks twice does not want to wait.
        void Again(PosixSignalContext signal)
        {
            if (Interlocked.Increment(ref signals) > 1) Environment.Exit(Failed);
        }
    }

    [LoggerMessage(LogLevel.Information, "FLAG: {Given}")]
    private static partial void Flag(ILogger log, string given);

    [LoggerMessage(LogLevel.Warning, "ConfigDoubt: {Warning}")]
    private static partial void ConfigDoubt(ILogger log, string warning);

    [LoggerMessage(LogLevel.Error, "command failed")]
    private static partial void CommandFailed(ILogger log, Exception fault);
}
