using System.Security.Cryptography.X509Certificates;
using NativeKubelet.Cluster.Certificates;
using NativeKubelet.Config;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Cluster;

/// <summary>The way to one API server: its client with the connections and credentials behind it.</summary>
public sealed class ClusterAccess : IDisposable
{
    private readonly ApiTransport _transport;
    private readonly ApiCredentials _credentials;

    private ClusterAccess(Kubeconfig file, CertificateFiles? renewed, RateLimit limit, TimeProvider time)
    {
        File = file;
        _credentials = new ApiCredentials(file.User, renewed, file.User.Exec is { } plugin ? new ExecCredentials(plugin, file, time) : null, time);
        _transport = new ApiTransport(file, _credentials, time);
        Uri server = file.Server;
        Client = new ApiClient(server.AbsolutePath.EndsWith('/') ? server : new Uri(server + "/"), _transport, new RequestRate(limit, time), ApiClient.UsualPatience);
    }

    public Kubeconfig File { get; }

    public ApiClient Client { get; }

    /// <param name="limit">How often the server is asked.</param>
    /// <param name="renewed">Certificates that take the place of the kubeconfig's as soon as there are any.</param>
    public static ClusterAccess Open(Kubeconfig file, CertificateFiles? renewed, RateLimit limit, TimeProvider time) => new(file, renewed, limit, time);

    /// <summary>What the API server would be shown now; the caller disposes of it.</summary>
    /// <returns>Null: none, or none that could be used.</returns>
    public X509Certificate2? OwnCertificate()
    {
        try
        {
            return _credentials.Certificate() is { } certificate ? X509CertificateLoader.LoadCertificate(certificate.Leaf.RawData) : null;
        }
        catch (ConfigException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _transport.Dispose();
        _credentials.Dispose();
    }
}
