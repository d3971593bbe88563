using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>The way to one API server: its client with the connections and credentials behind it.</summary>
public sealed class ClusterAccess : IDisposable
{
    private readonly ApiTransport _transport;
    private readonly ApiCredentials _credentials;

    private ClusterAccess(Kubeconfig file, TimeProvider time)
    {
        File = file;
        _credentials = new ApiCredentials(file.User, file.User.Exec is { } plugin ? new ExecCredentials(plugin, file, time) : null, time);
        _transport = new ApiTransport(file, _credentials);
        Uri server = file.Server;
        Client = new ApiClient(server.AbsolutePath.EndsWith('/') ? server : new Uri(server + "/"), _transport);
    }

    public Kubeconfig File { get; }

    public ApiClient Client { get; }

    /// <exception cref="ConfigException">The kubeconfig is no use; nothing was sent yet.</exception>
    public static ClusterAccess Open(string kubeconfig, TimeProvider time) => new(Kubeconfig.Load(kubeconfig), time);

    public void Dispose()
    {
        _transport.Dispose();
        _credentials.Dispose();
    }
}
