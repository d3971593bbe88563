using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Logging;

namespace NativeKubelet.Composition;

/// <summary>The program as the kubelet: from its command line to its exit code.</summary>
internal static partial class Daemon
{
    private const int Failed = 1;

    public static async Task<int> RunAsync(string[] args, TextWriter error)
    {
        try
        {
            ParsedFlags flags = FlagParser.Parse(args);
            foreach (string deprecation in flags.Deprecations) error.WriteLine(deprecation);
            KubeletOptions options = OptionsResolver.Resolve(flags, NodeAgent.UsualDriver);
            using KubeletLogging logs = KubeletLogging.Create(options.Logging, TimeProvider.System);
            ILogger log = logs.CreateLogger("Config");
            foreach (string warning in options.Warnings) ConfigDoubt(log, warning);
            return await HostAsync(options, logs, error);
        }
        catch (ConfigException e)
        {
            error.WriteLine($"Error: {e.Message}");
            return Failed;
        }
    }

    private static async Task<int> HostAsync(KubeletOptions options, ILoggerFactory logs, TextWriter error)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        // Within a second of SIGTERM the process is gone; nothing of what it leaves unfinished is lost, a kill must be survived too.
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromMilliseconds(800));
        builder.Services.Configure<ConsoleLifetimeOptions>(o => o.SuppressStatusMessages = true);
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<NodeService>();
        builder.Services.AddHostedService(services => services.GetRequiredService<NodeService>());
        using IHost host = builder.Build();
        NodeService node = host.Services.GetRequiredService<NodeService>();
        await host.RunAsync();
        if (node.Fault is not { } fault) return 0;
        error.WriteLine($"Error: {fault.Message}");
        return Failed;
    }

    [LoggerMessage(LogLevel.Warning, "ConfigDoubt: {Warning}")]
    private static partial void ConfigDoubt(ILogger log, string warning);
}
