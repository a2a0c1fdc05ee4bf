import com.amazonaws.Request;
import com.amazonaws.handlers.RequestHandler2;
import java.net.URI;

/** Sends requests for AWS to AWS_ENDPOINT_URL, which the AWS SDK for Java 1 does not know; S3 has AWS_S3_ENDPOINT. */
public class Endpoint extends RequestHandler2 {
    @Override
    public void beforeRequest(Request<?> request) {
        String url = System.getenv("AWS_ENDPOINT_URL");
        if (url != null && request.getEndpoint().getHost().endsWith(".amazonaws.com")) {
            request.setEndpoint(URI.create(url));
        }
    }
}
